/* bpf(2) for JavaScript: the one call by which programs and maps of the kernel's BPF machine are made, read and attached. */
#define _GNU_SOURCE
#include "bpf.h"

#include "arguments.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* More than union bpf_attr has, and more pointers than any command takes. */
enum { MOST_BYTES = 512, MOST_POINTERS = 8 };

/*
 * bpf(command, attributes, offsets, buffers): what bpf(2) returns. `attributes` is union bpf_attr as it stands in
 * linux/bpf.h; before the call the address of buffers[i] is written at offsets[i]. The kernel reads and writes the buffers.
 */
napi_value bpf_call(napi_env env, napi_callback_info info) {
  napi_value argv[4];
  int64_t command, offsets[MOST_POINTERS];
  uint8_t *data;
  size_t size;
  uint32_t count;
  if (!arguments(env, info, 4, argv) || !get_integer(env, argv[0], "command", 0, INT32_MAX, &command) ||
      !get_bytes(env, argv[1], "attributes", &data, &size))
    return NULL;
  if (size > MOST_BYTES) return throw_system_error(env, E2BIG, "bpf");
  if (napi_get_array_length(env, argv[3], &count) != napi_ok || count > MOST_POINTERS) {
    refuse(env, "buffers", "an array of a few buffers");
    return NULL;
  }
  /* A copy: the caller's attributes never hold addresses. */
  _Alignas(uint64_t) uint8_t attributes[MOST_BYTES] = {0};
  memcpy(attributes, data, size);
  for (uint32_t at = 0; at < count; at++) {
    napi_value offset, element;
    uint8_t *buffer;
    size_t length;
    if (napi_get_element(env, argv[2], at, &offset) != napi_ok || napi_get_element(env, argv[3], at, &element) != napi_ok ||
        !get_integer(env, offset, "offset", 0, (double)size - (double)sizeof(uint64_t), &offsets[at]) ||
        !get_bytes(env, element, "buffer", &buffer, &length))
      return NULL;
    uint64_t address = (uint64_t)(uintptr_t)buffer;
    memcpy(attributes + offsets[at], &address, sizeof address);
  }
  long result = syscall(SYS_bpf, (int)command, attributes, (unsigned)size);
  if (result < 0) return throw_system_error(env, errno, "bpf");
  /* What the kernel answers in the attributes themselves (the next id, say). */
  for (uint32_t at = 0; at < count; at++) memset(attributes + offsets[at], 0, sizeof(uint64_t));
  memcpy(data, attributes, size);
  return to_number(env, result);
}
