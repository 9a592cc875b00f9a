/*
 * Forwarders for JavaScript. Each is known by the number of its `ended` descriptor, which is poll()ed to hear that its
 * thread has ended by itself; that descriptor is closed by closeForwarder(), never by close().
 */
#include "forwarder-module.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"
#include "forwarder.h"
#include "peer-table.h"

struct held {
  struct held *next;
  napi_env env;
  struct forwarder *forwarder;
};

/* Of the whole process, since descriptors are; environments have threads of their own. */
static struct held *all_held;
static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;

static struct held *find_held(napi_env env, int fd) {
  pthread_mutex_lock(&held_lock);
  struct held *held = all_held;
  while (held != NULL && (held->env != env || forwarder_ended(held->forwarder) != fd)) held = held->next;
  pthread_mutex_unlock(&held_lock);
  return held;
}

static void release_held(void *data) {
  struct held *held = data;
  pthread_mutex_lock(&held_lock);
  struct held **link = &all_held;
  while (*link != NULL && *link != held) link = &(*link)->next;
  if (*link == held) *link = held->next;
  pthread_mutex_unlock(&held_lock);
  forwarder_close(held->forwarder);
  free(held);
}

/*
 * openForwarder(pattern, address, port, onlyPeers): [fd, device] of a forwarder that runs, with no peers yet. `pattern` names
 * the TUN device, such as "flannel%d"; `address` is where it receives, a number in host order.
 */
napi_value open_forwarder(napi_env env, napi_callback_info info) {
  napi_value argv[4], result, device;
  char pattern[IFNAMSIZ];
  int64_t address, port;
  bool only_peers;
  if (!arguments(env, info, 4, argv) || !get_path(env, argv[0], "pattern", pattern, sizeof pattern) ||
      !get_integer(env, argv[1], "address", 0, UINT32_MAX, &address) ||
      !get_integer(env, argv[2], "port", 1, UINT16_MAX, &port) || !get_bool(env, argv[3], "onlyPeers", &only_peers))
    return NULL;
  struct forwarder_options options = {
      .pattern = pattern, .address = htonl((uint32_t)address), .port = (uint16_t)port, .only_peers = only_peers};
  const char *failed = "malloc";
  struct held *held = calloc(1, sizeof *held);
  struct forwarder *forwarder = held == NULL ? NULL : forwarder_open(&options, &failed);
  if (forwarder == NULL) {
    int error = errno;
    free(held);
    return throw_system_error(env, error, failed);
  }
  *held = (struct held){.env = env, .forwarder = forwarder};
  pthread_mutex_lock(&held_lock);
  held->next = all_held;
  all_held = held;
  pthread_mutex_unlock(&held_lock);
  if (napi_add_env_cleanup_hook(env, release_held, held) != napi_ok)
    napi_fatal_error("openForwarder", NAPI_AUTO_LENGTH, "out of memory", NAPI_AUTO_LENGTH);
  if (napi_create_array_with_length(env, 2, &result) != napi_ok ||
      napi_create_string_utf8(env, forwarder_device(forwarder), NAPI_AUTO_LENGTH, &device) != napi_ok ||
      napi_set_element(env, result, 0, to_number(env, forwarder_ended(forwarder))) != napi_ok ||
      napi_set_element(env, result, 1, device) != napi_ok)
    return NULL;
  return result;
}

/*
 * setForwarderPeers(fd, source, mtu, records): the peers from now on, in place of those before. `source` of ICMP errors in
 * host order, 0 for none; a record is subnet and host in network order, the prefix length, three bytes of padding. An empty
 * Uint8Array is no peers.
 */
napi_value set_forwarder_peers(napi_env env, napi_callback_info info) {
  napi_value argv[4];
  int fd;
  int64_t source, mtu;
  if (!arguments(env, info, 4, argv) || !get_fd(env, argv[0], &fd) ||
      !get_integer(env, argv[1], "source", 0, UINT32_MAX, &source) ||
      !get_integer(env, argv[2], "mtu", 0, UINT16_MAX, &mtu))
    return NULL;
  bool is_array = false;
  napi_typedarray_type type;
  size_t length;
  void *records;
  if (napi_is_typedarray(env, argv[3], &is_array) != napi_ok || !is_array ||
      napi_get_typedarray_info(env, argv[3], &type, &length, &records, NULL, NULL) != napi_ok ||
      type != napi_uint8_array || length % PEER_RECORD != 0) {
    refuse(env, "records", "a Uint8Array of whole records");
    return NULL;
  }
  struct held *held = find_held(env, fd);
  if (held == NULL) return throw_system_error(env, EBADF, "setForwarderPeers");
  if (!forwarder_set_peers(held->forwarder, htonl((uint32_t)source), (uint16_t)mtu, records, length / PEER_RECORD))
    return throw_system_error(env, errno, "setForwarderPeers");
  return NULL;
}

/* forwarderState(fd): every counter by its name, and endError: the errno that has ended the thread, 0 while it runs. */
napi_value forwarder_state(napi_env env, napi_callback_info info) {
  napi_value argv[1], result;
  int fd;
  if (!arguments(env, info, 1, argv) || !get_fd(env, argv[0], &fd)) return NULL;
  struct held *held = find_held(env, fd);
  if (held == NULL) return throw_system_error(env, EBADF, "forwarderState");
  struct forwarder_counters counters;
  forwarder_read_counters(held->forwarder, &counters);
  if (napi_create_object(env, &result) != napi_ok) return NULL;
#define COUNTER(name) \
  if (napi_set_named_property(env, result, #name, to_number(env, (int64_t)counters.name)) != napi_ok) return NULL;
  FORWARDER_COUNTERS(COUNTER)
#undef COUNTER
  int error = forwarder_end_error(held->forwarder);
  return napi_set_named_property(env, result, "endError", to_number(env, error)) == napi_ok ? result : NULL;
}

/* closeForwarder(fd): ends the thread; the device is gone when this returns. */
napi_value close_forwarder(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  int fd;
  if (!arguments(env, info, 1, argv) || !get_fd(env, argv[0], &fd)) return NULL;
  struct held *held = find_held(env, fd);
  if (held == NULL) return throw_system_error(env, EBADF, "closeForwarder");
  napi_remove_env_cleanup_hook(env, release_held, held);
  release_held(held);
  return NULL;
}
