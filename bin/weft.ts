/** weft: chooses the face by the first word. The launcher (bin/weft) puts `agent` there when started as weftd or flanneld. */
const [word, ...rest] = process.argv.slice(2);

async function run(): Promise<number> {
  if (word === 'agent') {
    const { runAgent } = await import('#agent/main.ts');
    return runAgent(rest, process.env);
  }
  const { runOperatorFace } = await import('./operator.ts');
  return runOperatorFace(process.argv.slice(2), process);
}

// A reader that has enough (`| head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const code = await run();
// A pipe takes its time: what was written must be out before the process ends.
await Promise.all([process.stdout, process.stderr].map((stream) => new Promise<void>((done) => stream.write('', () => done()))));
process.exit(code);
