/*
 * How the functions of weft.node take their arguments and throw. A reader gives false after it has thrown TypeError, so that
 * its caller only returns.
 */
#ifndef WEFT_ARGUMENTS_H
#define WEFT_ARGUMENTS_H

#define NAPI_VERSION 8
#include <node_api.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Throws an Error as Node's own system errors are; `error` is an errno. Always NULL. */
napi_value throw_system_error(napi_env env, int error, const char *syscall_name);

/** Throws TypeError: "<name> must be <wanted>". Always false. */
bool refuse(napi_env env, const char *name, const char *wanted);

/** Missing arguments arrive as undefined, which every reader below refuses. */
bool arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values);

bool get_integer(napi_env env, napi_value value, const char *name, double low, double high, int64_t *out);
bool get_fd(napi_env env, napi_value value, int *out);
bool get_bool(napi_env env, napi_value value, const char *name, bool *out);

/** The bytes stay JavaScript's: they may go when it runs again. */
bool get_bytes(napi_env env, napi_value value, const char *name, uint8_t **data, size_t *length);

/** A text without NUL, shorter than `size`. */
bool get_path(napi_env env, napi_value value, const char *name, char *out, size_t size);

bool get_function(napi_env env, napi_value value, const char *name);
napi_value to_number(napi_env env, int64_t number);

#endif
