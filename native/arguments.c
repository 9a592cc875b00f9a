/* Errors, arguments and results of weft.node's functions; the conventions stand in weft.c. */
#include "arguments.h"

#include <stdio.h>
#include <string.h>

/* libuv's stable 1.x ABI; its header is not among the N-API headers. */
extern char *uv_err_name_r(int error, char *buffer, size_t length);
extern char *uv_strerror_r(int error, char *buffer, size_t length);

napi_value throw_system_error(napi_env env, int error, const char *syscall_name) {
  char code[32], text[128], message[192];
  uv_err_name_r(-error, code, sizeof code);
  uv_strerror_r(-error, text, sizeof text);
  snprintf(message, sizeof message, "%s: %s: %s", syscall_name, code, text);
  napi_value code_value, message_value, exception, number, name;
  if (napi_create_string_utf8(env, code, NAPI_AUTO_LENGTH, &code_value) == napi_ok &&
      napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &message_value) == napi_ok &&
      napi_create_error(env, code_value, message_value, &exception) == napi_ok &&
      napi_create_int32(env, -error, &number) == napi_ok &&
      napi_set_named_property(env, exception, "errno", number) == napi_ok &&
      napi_create_string_utf8(env, syscall_name, NAPI_AUTO_LENGTH, &name) == napi_ok &&
      napi_set_named_property(env, exception, "syscall", name) == napi_ok)
    napi_throw(env, exception);
  return NULL;
}

bool refuse(napi_env env, const char *name, const char *wanted) {
  char message[160];
  snprintf(message, sizeof message, "%s must be %s", name, wanted);
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
  return false;
}

bool arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values) {
  return napi_get_cb_info(env, info, &count, values, NULL, NULL) == napi_ok;
}

bool get_integer(napi_env env, napi_value value, const char *name, double low, double high, int64_t *out) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok || !(number >= low && number <= high) ||
      (double)(int64_t)number != number)
    return refuse(env, name, "an integer in range");
  *out = (int64_t)number;
  return true;
}

bool get_fd(napi_env env, napi_value value, int *out) {
  int64_t number;
  if (!get_integer(env, value, "fd", 0, INT32_MAX, &number)) return false;
  *out = (int)number;
  return true;
}

bool get_bool(napi_env env, napi_value value, const char *name, bool *out) {
  return napi_get_value_bool(env, value, out) == napi_ok || refuse(env, name, "a boolean");
}

bool get_bytes(napi_env env, napi_value value, const char *name, uint8_t **data, size_t *length) {
  bool is_array = false;
  napi_typedarray_type type;
  void *start = NULL;
  if (napi_is_typedarray(env, value, &is_array) != napi_ok || !is_array ||
      napi_get_typedarray_info(env, value, &type, length, &start, NULL, NULL) != napi_ok || type != napi_uint8_array ||
      start == NULL || *length == 0)
    return refuse(env, name, "a Uint8Array that is not empty");
  *data = start;
  return true;
}

bool get_path(napi_env env, napi_value value, const char *name, char *out, size_t size) {
  size_t length;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok || length == 0 || length >= size ||
      napi_get_value_string_utf8(env, value, out, size, &length) != napi_ok || strlen(out) != length)
    return refuse(env, name, "a path without NUL, neither empty nor too long");
  return true;
}

bool get_function(napi_env env, napi_value value, const char *name) {
  napi_valuetype type;
  return (napi_typeof(env, value, &type) == napi_ok && type == napi_function) || refuse(env, name, "a function");
}

napi_value to_number(napi_env env, int64_t number) {
  napi_value value;
  return napi_create_int64(env, number, &value) == napi_ok ? value : NULL;
}
