/** The CNI plugin `flannel` as a program. The launcher (bin/weft) starts it under that name; a bundle of its own. */
import { flannelPlugin } from '#cni/flannel/flannel-plugin.ts';
import { runPlugin } from '#cni/protocol/plugin.ts';
import { pluginProcess } from '#cni/protocol/stdio.ts';

const host = pluginProcess();
void runPlugin(flannelPlugin(host), host).then((code) => {
  process.exitCode = code;
});
