/**
 * Icons: `<i class="fas fa-rocket">` in a finished page becomes the picture itself.
 *
 * The theme loads all 2,000 icons of Font Awesome, 1.5 MB, on every page, and then draws a dozen.
 * Here the same file is asked for that dozen, and the pages load it no more.
 */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { runInNewContext } from "node:vm";

export const ICON_SCRIPT = "_static/scripts/fontawesome.js";
const LOADER = /\s*(<!--[^>]*-->\s*)?<script src="[^"]*fontawesome\.js[^"]*"><\/script>/g;
const ICON = /<(?:i|span) class="([^"]*\bfa[sbr]?\b[^"]*)"([^>]*)><\/(?:i|span)>/g;
const TITLE = /\s*title="([^"]*)"/;

/** The icons of the theme's script, by style and name: [width, height, …, …, path]. */
async function readIcons(site) {
  const window = {};
  runInNewContext(await readFile(join(site, ICON_SCRIPT), "utf8"), { window, setTimeout() {} });
  return window.___FONT_AWESOME___.styles;
}

/** The icon that CSS classes such as "fas fa-rocket fa-lg" name, and the classes but for "fas". */
function find(styles, classes) {
  const names = classes.split(/\s+/);
  const style = names.find((name) => name in styles && name !== "fa") ?? "fas";
  const icon = names.find((name) => styles[style][name.replace(/^fa-/, "")]);
  if (!icon) throw new Error(`no icon is called "${classes}"`);
  const others = names.filter((name) => !(name in styles)); // as the theme's script does
  return [styles[style][icon.replace(/^fa-/, "")], others.join(" ")];
}

/** A function that draws the icons of a page. */
export async function iconDrawer(site) {
  const styles = await readIcons(site);
  const draw = (_, classes, attributes) => {
    const [[width, height, , , path], others] = find(styles, classes);
    const title = attributes.match(TITLE)?.[1];
    return (
      `<svg class="svg-inline--fa ${others}"${attributes.replace(TITLE, "")}` +
      ` viewBox="0 0 ${width} ${height}" aria-hidden="true">` +
      `${title ? `<title>${title}</title>` : ""}<path fill="currentColor" d="${path}"/></svg>`
    );
  };
  return (page) => page.replace(LOADER, "").replace(ICON, draw);
}
