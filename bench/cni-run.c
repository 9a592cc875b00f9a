/*
 * Runs a chain of CNI plugins for many containers as a container runtime does, and prints the microseconds of each:
 *   cni-run COMMAND CONTAINERS AT_ONCE NETNS_PREFIX PLUGIN CONFIG [PLUGIN CONFIG]
 * CONFIG is a file with a JSON object; a second plugin's has `"prevResult":` and the first one's result put into it. DEL goes
 * the other way round. In C, so that what is measured is the plugins and not the one who starts them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char config[2][65536], result[65536], text[200000];

static double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void fail(const char *what) {
  fprintf(stderr, "cni-run: %s: %s\n", what, result);
  exit(1);
}

static void load(const char *path, char *into, size_t size) {
  FILE *file = fopen(path, "r");
  if (file == NULL) fail(path);
  into[fread(into, 1, size - 1, file)] = 0;
  fclose(file);
}

/* Runs one plugin with this input; what it prints is in `result`. */
static void run(const char *plugin, const char *input) {
  int in[2], out[2], status;
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) fail("pipe");
  pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    execl(plugin, plugin, (char *)NULL);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  /* A plugin may end without reading it. */
  ssize_t written = write(in[1], input, strlen(input));
  (void)written;
  close(in[1]);
  size_t length = 0;
  for (;;) {
    ssize_t got = read(out[0], result + length, sizeof result - 1 - length);
    if (got <= 0) break;
    length += (size_t)got;
  }
  result[length] = 0;
  close(out[0]);
  if (waitpid(pid, &status, 0) != pid || status != 0) fail(plugin);
}

int main(int argc, char **argv) {
  if (argc != 7 && argc != 9) fail("usage");
  int containers = atoi(argv[2]), at_once = atoi(argv[3]), chained = argc == 9, delete = strcmp(argv[1], "DEL") == 0;
  load(argv[6], config[0], sizeof config[0]);
  if (chained) load(argv[8], config[1], sizeof config[1]);
  signal(SIGPIPE, SIG_IGN);
  setenv("CNI_COMMAND", argv[1], 1);
  setenv("CNI_IFNAME", "eth0", 1);
  for (int worker = 0; worker < at_once; worker++) {
    if (fork() != 0) continue;
    for (int at = worker; at < containers; at += at_once) {
      char netns[256], id[32];
      snprintf(netns, sizeof netns, "%s%d", argv[4], at);
      snprintf(id, sizeof id, "bench%d", at);
      setenv("CNI_NETNS", netns, 1);
      setenv("CNI_CONTAINERID", id, 1);
      double begun = now_us();
      if (chained && delete) run(argv[7], config[1]);
      run(argv[5], config[0]);
      if (chained && !delete) {
        char *end = strrchr(config[1], '}');
        snprintf(text, sizeof text, "%.*s,\"prevResult\":%s}", (int)(end - config[1]), config[1], result);
        run(argv[7], text);
      }
      printf("%.1f\n", now_us() - begun);
      fflush(stdout);
    }
    return 0;
  }
  int failed = 0, status;
  while (wait(&status) > 0) failed |= status != 0;
  return failed;
}
