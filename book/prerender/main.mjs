/**
 * Do once, on the finished pages of a book, what every browser would do again on every visit.
 *
 * Usage: node main.mjs FOLDER. Exits with 1 after naming all pages that cannot be finished.
 */

import { readFile, readdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { typesetter } from "./formulas.mjs";
import { iconDrawer } from "./icons.mjs";

const site = process.argv[2];
const typesetFormulas = await typesetter();
const drawIcons = await iconDrawer(site);

const entries = await readdir(site, { recursive: true, withFileTypes: true });
const pages = entries
  .filter((entry) => entry.isFile() && entry.name.endsWith(".html"))
  .map((entry) => join(entry.parentPath, entry.name));

for (const page of pages) {
  try {
    const html = await readFile(page, "utf8");
    await writeFile(page, drawIcons(await typesetFormulas(html)));
  } catch (error) {
    console.error(`${relative(site, page)}: ${error.message}`);
    process.exitCode = 1;
  }
}
