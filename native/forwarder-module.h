/* The functions of weft.node that hold forwarders; src/netlink/native.ts describes them. */
#ifndef WEFT_FORWARDER_MODULE_H
#define WEFT_FORWARDER_MODULE_H

#define NAPI_VERSION 8
#include <node_api.h>

napi_value open_forwarder(napi_env env, napi_callback_info info);
napi_value set_forwarder_peers(napi_env env, napi_callback_info info);
napi_value forwarder_state(napi_env env, napi_callback_info info);
napi_value close_forwarder(napi_env env, napi_callback_info info);

#endif
