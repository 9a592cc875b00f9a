/*
 * weft.node: what JavaScript cannot do on Linux, and nothing else: AF_NETLINK sockets, network namespaces,
 * readiness of a descriptor on the event loop, unix datagrams, bpf(2) (bpf.c), and (forwarder-module.c) the udp backend's data path. No
 * policy and no message formats: those are TypeScript.
 *
 * Conventions, for every function:
 * - A malformed argument throws TypeError. A failed system call throws an Error with `code` ("ENOENT"), `errno`
 *   (negative, as Node's own system errors have it) and `syscall`.
 * - Calls are synchronous. Only receive() may wait, at most for the socket's receive time-out.
 * - Descriptors are plain numbers; the caller closes them with close().
 *
 * The TypeScript description of this interface is src/netlink/native.ts. A new function is a line in the table at the end.
 */
#define _GNU_SOURCE
#include "arguments.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <malloc.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "bpf.h"
#include "forwarder-module.h"

/* Changed whenever a function here changes its meaning, so that a stale build is noticed. */
#define INTERFACE_VERSION 4

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif
#ifndef NETLINK_CAP_ACK
#define NETLINK_CAP_ACK 10
#endif
#ifndef NETLINK_EXT_ACK
#define NETLINK_EXT_ACK 11
#endif
#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK 12
#endif

/* The part of libuv's stable 1.x ABI that we use; its header is not among the N-API headers. */
typedef struct uv_handle_s uv_handle_t;
typedef void (*uv_close_cb)(uv_handle_t *handle);
typedef void (*uv_poll_cb)(uv_handle_t *handle, int status, int events);
enum { UV_HANDLE_TYPE_POLL = 8, UV_READABLE = 1 };
extern size_t uv_handle_size(int type);
extern void *uv_handle_get_data(const uv_handle_t *handle);
extern void uv_handle_set_data(uv_handle_t *handle, void *data);
extern void uv_unref(uv_handle_t *handle);
extern void uv_close(uv_handle_t *handle, uv_close_cb callback);
extern int uv_poll_init(struct uv_loop_s *loop, uv_handle_t *handle, int fd);
extern int uv_poll_start(uv_handle_t *handle, int events, uv_poll_cb callback);

/* ---- network namespaces ---- */

/*
 * inNamespace(path, run): result of run(), which is called with this thread in the network namespace at `path`.
 * A descriptor opened meanwhile belongs to that namespace for good. `run` must be synchronous and must not start work on
 * libuv's thread pool: a pool thread born there would stay there.
 */
static napi_value in_namespace(napi_env env, napi_callback_info info) {
  napi_value argv[2], receiver, result = NULL;
  char path[4096];
  if (!arguments(env, info, 2, argv) || !get_path(env, argv[0], "path", path, sizeof path) ||
      !get_function(env, argv[1], "run") || napi_get_undefined(env, &receiver) != napi_ok)
    return NULL;
  int there = open(path, O_RDONLY | O_CLOEXEC);
  if (there < 0) return throw_system_error(env, errno, "open");
  int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (home < 0) {
    int error = errno;
    close(there);
    return throw_system_error(env, error, "open");
  }
  int entered = setns(there, CLONE_NEWNET), error = errno;
  close(there);
  if (entered == 0) {
    if (napi_call_function(env, receiver, argv[1], 0, NULL, &result) != napi_ok) result = NULL;
    /* To go on in a foreign namespace would program somebody else's network. */
    if (setns(home, CLONE_NEWNET) != 0)
      napi_fatal_error("inNamespace", NAPI_AUTO_LENGTH, "cannot return to the own network namespace", NAPI_AUTO_LENGTH);
  }
  close(home);
  return entered == 0 ? result : throw_system_error(env, error, "setns");
}

/* ---- sockets ---- */

/* openNetlink(protocol, receiveBufferBytes, receiveTimeoutMs): descriptor of a bound socket in the current namespace. */
static napi_value open_netlink(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  int64_t protocol, buffer_bytes, timeout_ms;
  if (!arguments(env, info, 3, argv) || !get_integer(env, argv[0], "protocol", 0, 31, &protocol) ||
      !get_integer(env, argv[1], "receiveBufferBytes", 0, 1 << 30, &buffer_bytes) ||
      !get_integer(env, argv[2], "receiveTimeoutMs", 1, 3600000, &timeout_ms))
    return NULL;
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, (int)protocol);
  if (fd < 0) return throw_system_error(env, errno, "socket");
  int size = (int)buffer_bytes, on = 1;
  if (size > 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  /* Each is newer than the one before; a kernel without it answers with less detail, or with more than was asked. */
  (void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  (void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  (void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  const char *failed = NULL;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) != 0)
    failed = "setsockopt";
  else if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
    failed = "bind";
  if (failed != NULL) {
    int error = errno;
    close(fd);
    return throw_system_error(env, error, failed);
  }
  return to_number(env, fd);
}

/* joinGroup(fd, group): subscribes a netlink socket to one multicast group, by its number (RTNLGRP_*). */
static napi_value join_group(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  int fd;
  int64_t number;
  if (!arguments(env, info, 2, argv) || !get_fd(env, argv[0], &fd) ||
      !get_integer(env, argv[1], "group", 1, INT32_MAX, &number))
    return NULL;
  int group = (int)number;
  if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
    return throw_system_error(env, errno, "setsockopt");
  return NULL;
}

/*
 * ignorePort(fd, port): the kernel no longer queues on `fd` what was caused by the netlink socket with that port id.
 * One notification is one datagram, so its first header decides.
 */
static napi_value ignore_port(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  int fd;
  int64_t port;
  if (!arguments(env, info, 2, argv) || !get_fd(env, argv[0], &fd) ||
      !get_integer(env, argv[1], "port", 1, UINT32_MAX, &port))
    return NULL;
  uint32_t id = (uint32_t)port, as_loaded;
  uint8_t bytes[4];
  memcpy(bytes, &id, sizeof id);
  as_loaded = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, as_loaded, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
  };
  struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
    return throw_system_error(env, errno, "setsockopt");
  return NULL;
}

/* portId(fd): the address that the kernel gave a netlink socket, as it stands in nlmsg_pid of what it causes. */
static napi_value port_id(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  int fd;
  if (!arguments(env, info, 1, argv) || !get_fd(env, argv[0], &fd)) return NULL;
  struct sockaddr_nl address = {.nl_family = AF_UNSPEC};
  socklen_t length = sizeof address;
  if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) return throw_system_error(env, errno, "getsockname");
  if (address.nl_family != AF_NETLINK) return throw_system_error(env, EAFNOSUPPORT, "getsockname");
  return to_number(env, address.nl_pid);
}

/* send(fd, bytes, offset, length): sends that part of `bytes` as one datagram. */
static napi_value send_bytes(napi_env env, napi_callback_info info) {
  napi_value argv[4];
  int fd;
  uint8_t *data;
  size_t size;
  int64_t offset, length;
  if (!arguments(env, info, 4, argv) || !get_fd(env, argv[0], &fd) || !get_bytes(env, argv[1], "bytes", &data, &size) ||
      !get_integer(env, argv[2], "offset", 0, (double)size, &offset) ||
      !get_integer(env, argv[3], "length", 1, (double)size - (double)offset, &length))
    return NULL;
  ssize_t sent;
  do sent = send(fd, data + offset, (size_t)length, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return throw_system_error(env, errno, "send");
  return NULL;
}

/*
 * receive(fd, buffer, wait): length of the next datagram, whose start is now in `buffer`; more than buffer.length when it was
 * cut. 0: none came (within the receive time-out, when `wait`). A netlink datagram that is not the kernel's is dropped.
 */
static napi_value receive_bytes(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  int fd;
  uint8_t *data;
  size_t size;
  bool wait;
  if (!arguments(env, info, 3, argv) || !get_fd(env, argv[0], &fd) || !get_bytes(env, argv[1], "buffer", &data, &size) ||
      !get_bool(env, argv[2], "wait", &wait))
    return NULL;
  for (;;) {
    struct sockaddr_nl sender = {.nl_family = AF_UNSPEC};
    struct iovec part = {.iov_base = data, .iov_len = size};
    struct msghdr message = {.msg_name = &sender, .msg_namelen = sizeof sender, .msg_iov = &part, .msg_iovlen = 1};
    ssize_t length = recvmsg(fd, &message, MSG_TRUNC | MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    if (length < 0 && errno == EINTR) continue;
    if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return to_number(env, 0);
    if (length < 0) return throw_system_error(env, errno, "recvmsg");
    if (sender.nl_family == AF_NETLINK && sender.nl_pid != 0) continue;
    return to_number(env, length);
  }
}

/* ---- unix datagrams ---- */

/* A name that starts with `@` is in the abstract namespace, as in systemd's NOTIFY_SOCKET. */
static bool get_unix_address(napi_env env, napi_value value, struct sockaddr_un *address, socklen_t *length) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  if (!get_path(env, value, "path", address->sun_path, sizeof address->sun_path)) return false;
  size_t path_length = strlen(address->sun_path);
  bool abstract = address->sun_path[0] == '@';
  if (abstract) address->sun_path[0] = 0;
  *length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_length + (abstract ? 0 : 1));
  return true;
}

/* sendDatagram(path, bytes): one datagram to the unix socket at `path`; waits two seconds at most for room. */
static napi_value send_datagram(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  struct sockaddr_un address;
  socklen_t address_length;
  uint8_t *data;
  size_t size;
  if (!arguments(env, info, 2, argv) || !get_unix_address(env, argv[0], &address, &address_length) ||
      !get_bytes(env, argv[1], "bytes", &data, &size))
    return NULL;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return throw_system_error(env, errno, "socket");
  struct timeval timeout = {.tv_sec = 2};
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  ssize_t sent;
  do sent = sendto(fd, data, size, MSG_NOSIGNAL, (struct sockaddr *)&address, address_length);
  while (sent < 0 && errno == EINTR);
  int error = errno;
  close(fd);
  return sent < 0 ? throw_system_error(env, error, "sendto") : NULL;
}

/* bindDatagram(path): descriptor of a unix datagram socket at `path`, to receive() from. The caller removes the file. */
static napi_value bind_datagram(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  struct sockaddr_un address;
  socklen_t address_length;
  if (!arguments(env, info, 1, argv) || !get_unix_address(env, argv[0], &address, &address_length)) return NULL;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return throw_system_error(env, errno, "socket");
  if (bind(fd, (struct sockaddr *)&address, address_length) != 0) {
    int error = errno;
    close(fd);
    return throw_system_error(env, error, "bind");
  }
  return to_number(env, fd);
}

/* ---- what waits in the kernel ---- */

/* One send() on libuv's thread pool, with a copy of its bytes. */
struct later {
  napi_async_work work;
  napi_ref callback;
  int fd, error;
  size_t length;
  uint8_t data[];
};

static void later_execute(napi_env env, void *data) {
  (void)env;
  struct later *later = data;
  ssize_t sent;
  do sent = send(later->fd, later->data, later->length, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  later->error = sent < 0 ? errno : 0;
}

static void later_complete(napi_env env, napi_status status, void *data) {
  struct later *later = data;
  napi_value callback, receiver, error = to_number(env, status == napi_ok ? later->error : ECANCELED), exception;
  if (error != NULL && napi_get_reference_value(env, later->callback, &callback) == napi_ok && callback != NULL &&
      napi_get_global(env, &receiver) == napi_ok &&
      napi_call_function(env, receiver, callback, 1, &error, NULL) == napi_pending_exception &&
      napi_get_and_clear_last_exception(env, &exception) == napi_ok)
    napi_fatal_exception(env, exception);
  napi_delete_reference(env, later->callback);
  napi_delete_async_work(env, later->work);
  free(later);
}

/*
 * sendLater(fd, bytes, callback): send() on another thread, for requests that the kernel works on for long: it deletes a link
 * in 20 ms. `callback(errno)` is called on this thread when it is through, with 0 when all went well. Until then the
 * descriptor may be neither closed nor used.
 */
static napi_value send_later(napi_env env, napi_callback_info info) {
  napi_value argv[3], name;
  int fd;
  uint8_t *data;
  size_t size;
  if (!arguments(env, info, 3, argv) || !get_fd(env, argv[0], &fd) || !get_bytes(env, argv[1], "bytes", &data, &size) ||
      !get_function(env, argv[2], "callback"))
    return NULL;
  struct later *later = calloc(1, sizeof *later + size);
  if (later == NULL) return throw_system_error(env, ENOMEM, "send");
  later->fd = fd;
  later->length = size;
  memcpy(later->data, data, size);
  if (napi_create_string_utf8(env, "weft.sendLater", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_async_work(env, NULL, name, later_execute, later_complete, later, &later->work) != napi_ok) {
    free(later);
    return throw_system_error(env, ENOMEM, "send");
  }
  if (napi_create_reference(env, argv[2], 1, &later->callback) != napi_ok ||
      napi_queue_async_work(env, later->work) != napi_ok)
    napi_fatal_error("sendLater", NAPI_AUTO_LENGTH, "out of memory", NAPI_AUTO_LENGTH);
  return NULL;
}

/* ---- memory ---- */

/* trimHeap(): gives pages of the C heap that nothing uses back to the kernel, such as those of TLS handshakes. */
static napi_value trim_heap(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
#ifdef __GLIBC__
  (void)malloc_trim(0);
#endif
  return NULL;
}

/* ---- readiness on the event loop ---- */

struct poller {
  struct poller *next;
  napi_env env;
  napi_ref callback;
  napi_async_cleanup_hook_handle cleanup;
  uv_handle_t *handle;
  int fd;
  bool closing;
};

/* Per environment: the main thread and each worker have their own loop. */
struct addon {
  struct poller *pollers;
};

static void on_poller_closed(uv_handle_t *handle) {
  struct poller *poller = uv_handle_get_data(handle);
  napi_remove_async_cleanup_hook(poller->cleanup);
  free(poller->handle);
  free(poller);
}

static void close_poller(struct poller *poller) {
  struct addon *addon = NULL;
  if (poller->closing) return;
  poller->closing = true;
  if (napi_get_instance_data(poller->env, (void **)&addon) == napi_ok && addon != NULL) {
    struct poller **link = &addon->pollers;
    while (*link != NULL && *link != poller) link = &(*link)->next;
    if (*link == poller) *link = poller->next;
  }
  napi_delete_reference(poller->env, poller->callback);
  uv_close(poller->handle, on_poller_closed);
}

static void on_environment_exit(napi_async_cleanup_hook_handle handle, void *data) {
  (void)handle;
  close_poller(data);
}

static void on_ready(uv_handle_t *handle, int status, int events) {
  (void)events;
  struct poller *poller = uv_handle_get_data(handle);
  napi_env env = poller->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value callback, receiver, exception;
  if (napi_get_reference_value(env, poller->callback, &callback) == napi_ok && callback != NULL &&
      napi_get_global(env, &receiver) == napi_ok &&
      napi_make_callback(env, NULL, receiver, callback, 0, NULL, NULL) == napi_pending_exception &&
      napi_get_and_clear_last_exception(env, &exception) == napi_ok)
    napi_fatal_exception(env, exception);
  napi_close_handle_scope(env, scope);
  /* libuv stops polling on POLLERR, which is how a netlink socket says ENOBUFS; the callback has read that by now. */
  if (status < 0 && !poller->closing) uv_poll_start(poller->handle, UV_READABLE, on_ready);
}

static struct poller *find_poller(napi_env env, int fd) {
  struct addon *addon = NULL;
  if (napi_get_instance_data(env, (void **)&addon) != napi_ok || addon == NULL) return NULL;
  struct poller *poller = addon->pollers;
  while (poller != NULL && poller->fd != fd) poller = poller->next;
  return poller;
}

/*
 * poll(fd, callback, keepAlive): calls `callback` from the event loop whenever `fd` can be read, until unpoll() or close().
 * The descriptor becomes non-blocking. Only with `keepAlive` does it hold the process up.
 */
static napi_value poll_fd(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  int fd;
  bool keep_alive;
  struct uv_loop_s *loop;
  struct addon *addon = NULL;
  if (!arguments(env, info, 3, argv) || !get_fd(env, argv[0], &fd) || !get_function(env, argv[1], "callback") ||
      !get_bool(env, argv[2], "keepAlive", &keep_alive))
    return NULL;
  if (find_poller(env, fd) != NULL) return throw_system_error(env, EEXIST, "poll");
  if (napi_get_uv_event_loop(env, &loop) != napi_ok || napi_get_instance_data(env, (void **)&addon) != napi_ok ||
      addon == NULL)
    return throw_system_error(env, EINVAL, "poll");
  struct poller *poller = calloc(1, sizeof *poller);
  uv_handle_t *handle = calloc(1, uv_handle_size(UV_HANDLE_TYPE_POLL));
  int error = poller == NULL || handle == NULL ? -ENOMEM : uv_poll_init(loop, handle, fd);
  if (error != 0) {
    free(poller);
    free(handle);
    return throw_system_error(env, -error, "poll");
  }
  /* From here on the handle is the loop's: it goes only through uv_close. */
  *poller = (struct poller){.env = env, .handle = handle, .fd = fd, .next = addon->pollers};
  uv_handle_set_data(handle, poller);
  addon->pollers = poller;
  if (!keep_alive) uv_unref(handle);
  if (napi_create_reference(env, argv[1], 1, &poller->callback) != napi_ok ||
      napi_add_async_cleanup_hook(env, on_environment_exit, poller, &poller->cleanup) != napi_ok)
    napi_fatal_error("poll", NAPI_AUTO_LENGTH, "out of memory", NAPI_AUTO_LENGTH);
  error = uv_poll_start(handle, UV_READABLE, on_ready);
  if (error != 0) {
    close_poller(poller);
    return throw_system_error(env, -error, "poll");
  }
  return NULL;
}

/* unpoll(fd): no callback comes any more. Nothing happens when there is none. */
static napi_value unpoll_fd(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  int fd;
  if (!arguments(env, info, 1, argv) || !get_fd(env, argv[0], &fd)) return NULL;
  struct poller *poller = find_poller(env, fd);
  if (poller != NULL) close_poller(poller);
  return NULL;
}

/* close(fd): ends polling first, since the loop must not watch a number that may be another descriptor's next. */
static napi_value close_fd(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  int fd;
  if (!arguments(env, info, 1, argv) || !get_fd(env, argv[0], &fd)) return NULL;
  struct poller *poller = find_poller(env, fd);
  if (poller != NULL) close_poller(poller);
  return close(fd) != 0 ? throw_system_error(env, errno, "close") : NULL;
}

/* ---- module ---- */

static void free_addon(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  free(data);
}

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback call;
  } functions[] = {
      {"inNamespace", in_namespace},     {"openNetlink", open_netlink}, {"joinGroup", join_group},
      {"ignorePort", ignore_port},       {"portId", port_id},           {"send", send_bytes},
      {"receive", receive_bytes},        {"close", close_fd},           {"poll", poll_fd},
      {"unpoll", unpoll_fd},             {"sendDatagram", send_datagram},
      {"bindDatagram", bind_datagram},
      {"trimHeap", trim_heap},           {"sendLater", send_later},
      {"openForwarder", open_forwarder}, {"setForwarderPeers", set_forwarder_peers},
      {"forwarderState", forwarder_state}, {"closeForwarder", close_forwarder},
      {"bpf", bpf_call},
  };
  struct addon *addon = calloc(1, sizeof *addon);
  if (addon == NULL || napi_set_instance_data(env, addon, free_addon, NULL) != napi_ok) {
    free(addon);
    napi_throw_error(env, NULL, "out of memory");
    return NULL;
  }
  for (size_t at = 0; at < sizeof functions / sizeof functions[0]; at++) {
    napi_value function;
    if (napi_create_function(env, functions[at].name, NAPI_AUTO_LENGTH, functions[at].call, NULL, &function) != napi_ok ||
        napi_set_named_property(env, exports, functions[at].name, function) != napi_ok)
      return NULL;
  }
  napi_value version = to_number(env, INTERFACE_VERSION);
  if (version == NULL || napi_set_named_property(env, exports, "interfaceVersion", version) != napi_ok) return NULL;
  return exports;
}
