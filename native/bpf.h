/* bpf(2) as a function of the addon. */
#ifndef WEFT_BPF_H
#define WEFT_BPF_H

#include <node_api.h>

napi_value bpf_call(napi_env env, napi_callback_info info);

#endif
