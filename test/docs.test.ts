/** The pages hold together: what a link leads to is there, every page is in the index, decisions have one number each. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';

const ROOT = join(import.meta.dirname, '..');
const PAGES = globSync(['*.md', 'docs/**/*.md'], { cwd: ROOT });
const INDEX = 'docs/README.md';

function read(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}

/** Targets of its links to files here, as paths from the root, and the name of the heading behind `#`. */
function linksOf(page: string): readonly { readonly target: string; readonly heading: string | undefined }[] {
  return [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
    if (/^\w+:/.test(link)) return [];
    const [path = '', heading] = link.split('#');
    return [{ target: path === '' ? page : join(dirname(page), path), heading }];
  });
}

/** As a heading is named in links: lower case, words joined by dashes. */
function headingsOf(page: string): readonly string[] {
  return [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

suite('every link leads somewhere', () => {
  for (const page of PAGES) {
    test(page, () => {
      for (const { target, heading } of linksOf(page)) {
        assert.ok(existsSync(join(ROOT, target)), `${page}: ${target} is not there`);
        if (heading !== undefined) assert.ok(headingsOf(target).includes(heading), `${page}: ${target}#${heading}`);
      }
    });
  }
});

test('every page of docs is in its index', () => {
  const listed = linksOf(INDEX).map(({ target }) => target);
  const missing = PAGES.filter((page) => page.startsWith('docs/') && page !== INDEX && !listed.includes(page));
  assert.deepEqual(missing, []);
});

test('decisions are numbered one by one, in file name, heading and index alike', () => {
  const files = globSync('docs/decisions/*.md', { cwd: ROOT }).toSorted();
  const index = read(INDEX);
  for (const [at, file] of files.entries()) {
    const number = at + 1;
    assert.ok(file.startsWith(`docs/decisions/${String(number).padStart(4, '0')}-`), file);
    const [, heading = ''] = /^# (.+)\n/.exec(read(file)) ?? [];
    assert.ok(heading.startsWith(`${number}. `), `${file}: ${heading}`);
    const title = heading.slice(`${number}. `.length);
    assert.ok(index.includes(`${number}. [${title}](${file.slice('docs/'.length)})`), `${INDEX}: ${file}`);
  }
});
