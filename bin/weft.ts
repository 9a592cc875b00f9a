/**
 * weft: chooses the face by the first word. The launcher (bin/weft) puts `agent` there when started as weftd or flanneld, and
 * `mk-docker-opts.sh` when started by that name.
 */
async function run(): Promise<number> {
  const [word, ...rest] = process.argv.slice(2);
  if (word === 'agent') {
    const { runAgent } = await import('#agent/main.ts');
    return runAgent(rest, process.env);
  }
  if (word === 'help' && rest[0] === 'agent') {
    const { runAgent } = await import('#agent/main.ts');
    return runAgent(['-help'], process.env);
  }
  const { runOperatorFace, runDockerOptionsFace } = await import('./operator.ts');
  if (word === 'mk-docker-opts.sh') return runDockerOptionsFace(rest, process);
  return runOperatorFace(process.argv.slice(2), process);
}

/** A pipe takes its time: what was written must be out before the process ends. */
async function end(code: number): Promise<void> {
  const written = [process.stdout, process.stderr].map((stream) => new Promise((done) => stream.write('', done)));
  await Promise.all(written);
  process.exit(code);
}

// No `await` at the top level, which the CommonJS bundle cannot have. What is thrown here is a bug: Node prints it and exits 1.
void run().then(end);
