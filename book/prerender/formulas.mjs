/**
 * Formulas: TeX in a finished page becomes pictures and MathML.
 *
 * A picture is an SVG that points at its glyphs, which a page holds once. It needs no font and no
 * script, so that it shows at the first paint and from a disk. The MathML beside it is for screen
 * readers. Broken TeX is an error here, where a browser would show it in red.
 */

import { createRequire } from "node:module";

const FORMULA =
  /(<(span|div) class="[^"]*\bmath notranslate nohighlight\b[^"]*"[^>]*>)([\s\S]*?)(<\/\2>)/g;
// What may stand neither at the beginning nor at the end of a line, beside a formula of the text.
const AFTER = /^[，。；：、！？）」』,.;:!?)’”]+/;
const BEFORE = /[（「『(‘“]+$/;
const INLINE = /\\\(([\s\S]*)\\\)/; // greedy: `\\[2pt]` is a line break inside a formula
const DISPLAY = /\\\[([\s\S]*)\\\]/;

const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"' };

/** HTML text as the characters that it stands for. */
const decode = (html) =>
  html.replace(/&(?:#(\d+)|(\w+));/g, (whole, code, name) =>
    code ? String.fromCodePoint(Number(code)) : (ENTITIES[name] ?? whole),
  );

/** MathJax without a browser. It tells of errors by throwing, and sets no unknown command in red. */
const start = () =>
  createRequire(import.meta.url)("mathjax").init({
    loader: { load: ["input/tex", "output/svg"] },
    svg: { fontCache: "global" },
    tex: {
      packages: { "[-]": ["noundefined", "noerrors"] },
      formatError: (_, error) => {
        throw error;
      },
    },
  });

/** One formula: the picture for eyes, MathML for ears. */
async function typeset(MathJax, tex, display) {
  const { adaptor } = MathJax.startup;
  const container = await MathJax.tex2svgPromise(tex, { display });
  const picture = adaptor.firstChild(container);
  adaptor.removeAttribute(picture, "role");
  adaptor.setAttribute(picture, "aria-hidden", "true");
  const mathml = (await MathJax.tex2mmlPromise(tex, { display })).replace(/\n\s*/g, "");
  const spoken = `<mjx-assistive-mml>${mathml}</mjx-assistive-mml>`;
  return adaptor.outerHTML(container).replace(/<\/mjx-container>$/, (end) => spoken + end);
}

/** An invisible picture with the glyphs of a page, each once. */
const glyphs = ({ adaptor }, cache) =>
  `<svg class="glyphs" aria-hidden="true">${adaptor.outerHTML(cache)}</svg>`;

/** A formula of the text, together with the punctuation that touches it: browsers would part them. */
const unbroken = (before, formula, after) =>
  before || after ? `<span class="unbroken">${before}${formula}${after}</span>` : formula;

/** A function that typesets the formulas of a page; MathJax starts once for all pages. */
export async function typesetter() {
  const MathJax = await start();
  const { fontCache } = MathJax.startup.document.outputJax;

  const inner = async (html) => {
    for (const [pattern, display] of [[DISPLAY, true], [INLINE, false]]) {
      const found = html.match(pattern);
      if (!found) continue;
      const formula = await typeset(MathJax, decode(found[1]), display);
      return html.replace(found[0], () => formula);
    }
    return html;
  };

  return async (page) => {
    fontCache.clearCache();
    const parts = [];
    let end = 0;
    for (const found of page.matchAll(FORMULA)) {
      const [whole, open, tag, html, close] = found;
      const typesetHtml = await inner(html).catch((error) => {
        throw new Error(`${error.message} in the formula ${decode(html)}`);
      });
      const formula = open + typesetHtml + close;
      const text = page.slice(end, found.index);
      end = found.index + whole.length;
      if (tag === "div") {
        parts.push(text, formula);
        continue;
      }
      const [before] = text.match(BEFORE) ?? [""];
      const [after] = page.slice(end, end + 9).match(AFTER) ?? [""];
      parts.push(text.slice(0, text.length - before.length), unbroken(before, formula, after));
      end += after.length;
    }
    if (!parts.length) return page;
    const done = parts.join("") + page.slice(end);
    const drawn = glyphs(MathJax.startup, fontCache.getCache());
    return done.replace(/<body[^>]*>/, (body) => `${body}\n${drawn}`);
  };
}
