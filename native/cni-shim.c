/*
 * The CNI plugin `weft` as a container runtime starts it: hands the request to the resident agent over its control socket
 * and prints the answer. A static program without allocation, so that a Pod waits half a millisecond for it, and no more.
 *
 * Request   {"method":"cni","params":{"command":…,"containerId":…,"netns":…,"ifname":…,"args":…,"path":…,"config":"…"}}\n
 * Answer    {"result":{"ok":JSON}}\n       JSON is printed unless it is null; exit code 0
 *           {"result":{"failed":JSON}}\n   JSON is a CNI error; exit code 1
 *           {"error":…}\n                  the agent could not even look at it: CNI error 11, try again later
 *
 * The configuration is not parsed: the agent does that. The other end is src/cni/weft/serve-request.ts.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/weft/agent.sock"
#define SUBNET_FILE "/run/flannel/subnet.env"
/* A runtime gives up after a minute or more, and its user should hear our reason, not its. */
#define PATIENCE_S 30
#define INPUT_LIMIT (256 * 1024)
/* Every byte of the input can become six, and the environment is as bounded as execve has it. */
#define REQUEST_LIMIT (6 * INPUT_LIMIT + 256 * 1024)
/* src/cni/protocol/version.ts has the same list; a test compares them. */
#define VERSIONS "\"0.1.0\",\"0.2.0\",\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\""

static char input[INPUT_LIMIT + 1], request[REQUEST_LIMIT], answer[1024 * 1024];
static size_t request_length;

static void write_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, bytes, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    bytes += written;
    length -= (size_t)written;
  }
}

/* Appends to the request; false when it is full, which only an absurd environment brings about. */
static int append(const char *bytes, size_t length) {
  if (length > sizeof request - request_length) return 0;
  memcpy(request + request_length, bytes, length);
  request_length += length;
  return 1;
}

static int append_text(const char *text) { return append(text, strlen(text)); }

/* As a JSON string. */
static int append_string(const char *bytes, size_t length) {
  int fits = append("\"", 1);
  for (size_t at = 0; at < length && fits; at++) {
    unsigned char byte = (unsigned char)bytes[at];
    char escaped[8];
    if (byte == '"' || byte == '\\')
      fits = append("\\", 1) && append(bytes + at, 1);
    else if (byte < 0x20)
      fits = append(escaped, (size_t)snprintf(escaped, sizeof escaped, "\\u%04x", byte));
    else
      fits = append(bytes + at, 1);
  }
  return fits && append("\"", 1);
}

static int append_variable(const char *name, const char *variable) {
  const char *value = getenv(variable);
  if (value == NULL) value = "";
  return append_text(",\"") && append_text(name) && append_text("\":") && append_string(value, strlen(value));
}

/* Prints a CNI error and ends. The request's buffer is free by now, whatever is in it. */
static void refuse(int code, const char *message, const char *details_format, ...) {
  static char details[8192];
  va_list values;
  va_start(values, details_format);
  int length = vsnprintf(details, sizeof details, details_format, values);
  va_end(values);
  if (length < 0) length = 0;
  if ((size_t)length >= sizeof details) length = sizeof details - 1;
  char head[64];
  request_length = 0;
  append(head, (size_t)snprintf(head, sizeof head, "{\"cniVersion\":\"1.0.0\",\"code\":%d,\"msg\":", code));
  append_string(message, strlen(message));
  append_text(",\"details\":");
  append_string(details, (size_t)length);
  append_text("}\n");
  write_all(STDOUT_FILENO, request, request_length);
  exit(1);
}

/* The agent cannot be asked: what of its state can be seen from here, and what to do. */
static void unavailable(const char *message, const char *socket_path, const char *why) {
  const char *lease = access(SUBNET_FILE, F_OK) == 0
                          ? "the subnet file " SUBNET_FILE " is there, so the agent had a lease on this host and Pods that run keep their network"
                          : "there is no subnet file " SUBNET_FILE ", so the agent has no lease on this host (or it writes another file)";
  refuse(11, message, "%s: %s; %s. Look with: weft status; systemctl status weftd; journalctl -u weftd", socket_path, why,
         lease);
}

static void read_input(void) {
  size_t length = 0;
  for (;;) {
    ssize_t got = read(STDIN_FILENO, input + length, sizeof input - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) refuse(5, "error reading from stdin", "%s", strerror(errno));
    length += (size_t)got;
    if (length > INPUT_LIMIT) refuse(5, "error reading from stdin", "more than %d bytes", INPUT_LIMIT);
    if (got == 0) break;
  }
  int fits = append_text("{\"method\":\"cni\",\"params\":{\"config\":") && append_string(input, length) &&
             append_variable("command", "CNI_COMMAND") && append_variable("containerId", "CNI_CONTAINERID") &&
             append_variable("netns", "CNI_NETNS") && append_variable("ifname", "CNI_IFNAME") &&
             append_variable("args", "CNI_ARGS") && append_variable("path", "CNI_PATH") && append_text("}}\n");
  if (!fits) refuse(4, "the CNI_ variables are too long", "together they have more than %d bytes", 256 * 1024);
}

static int connect_agent(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) refuse(4, "WEFT_CONTROL_SOCKET is too long", "%s", path);
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) refuse(5, "cannot make a socket", "%s", strerror(errno));
  struct timeval patience = {.tv_sec = PATIENCE_S};
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  if (errno == ENOENT)
    unavailable("weft's agent does not run here, or is still starting", path, "there is no such socket");
  if (errno == ECONNREFUSED)
    unavailable("weft's agent has ended", path, "the socket is one that an agent left which was killed");
  unavailable("weft's agent cannot be asked", path, strerror(errno));
  return -1;
}

/* Length of the answer's line, without its end. */
static size_t exchange(int fd, const char *path) {
  for (size_t at = 0; at < request_length;) {
    ssize_t sent = send(fd, request + at, request_length - at, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    /* What it has answered before it hung up says more than the broken pipe. */
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) break;
    if (sent < 0) unavailable("weft's agent does not take requests", path, strerror(errno));
    at += (size_t)sent;
  }
  size_t length = 0;
  for (;;) {
    ssize_t got = recv(fd, answer + length, sizeof answer - length, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      unavailable("weft's agent did not answer in time", path, "it listens, but said nothing for 30 s: it hangs or is stopped");
    if (got <= 0) unavailable("weft's agent ended before it had answered", path, got < 0 ? strerror(errno) : "it hung up");
    const char *end = memchr(answer + length, '\n', (size_t)got);
    if (end != NULL) return (size_t)(end - answer);
    length += (size_t)got;
    if (length == sizeof answer) refuse(100, "the answer of weft's agent is too long", "more than %zu bytes", length);
  }
}

/* Whether the answer is of that kind; then what is inside is printed. */
static int print_inside(const char *prefix, size_t length) {
  size_t start = strlen(prefix);
  if (length < start + 2 || memcmp(answer, prefix, start) != 0) return 0;
  size_t inside = length - start - 2;
  if (inside == 4 && memcmp(answer + start, "null", 4) == 0) return 1;
  answer[start + inside] = '\n';
  write_all(STDOUT_FILENO, answer + start, inside + 1);
  return 1;
}

int main(void) {
  const char *command = getenv("CNI_COMMAND"), *path = getenv("WEFT_CONTROL_SOCKET");
  if (command == NULL || command[0] == 0) {
    static const char about[] = "CNI plugin weft: attaches containers to the fabric through the resident agent\n";
    write_all(STDERR_FILENO, about, sizeof about - 1);
    return 0;
  }
  if (strcmp(command, "VERSION") == 0) {
    static const char versions[] = "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[" VERSIONS "]}\n";
    write_all(STDOUT_FILENO, versions, sizeof versions - 1);
    return 0;
  }
  if (path == NULL || path[0] == 0) path = DEFAULT_SOCKET;
  read_input();
  int fd = connect_agent(path);
  size_t length = exchange(fd, path);
  if (print_inside("{\"result\":{\"ok\":", length)) return 0;
  if (print_inside("{\"result\":{\"failed\":", length)) return 1;
  answer[length] = 0;
  unavailable("weft's agent could not serve the request", path, answer);
}
