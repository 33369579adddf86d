/**
 * Cut a query into the words of the search index: 码本坍缩的原因 → 码本坍缩, 原因.
 *
 * Of all ways to cut a run of Chinese the one that leaves the fewest characters over, and then has
 * the fewest words. What is left over, such as 的, is not searched for; a run without any known word
 * stays whole, and finds nothing. Latin words and numbers are cut as Sphinx does.
 */
var splitQuery = (query) => {
  const known = (word) =>
    Object.hasOwn(Search._index.terms, word) || Object.hasOwn(Search._index.titleterms, word);

  const better = (one, other) =>
    one.left < other.left || (one.left === other.left && one.words.length < other.words.length);

  const cut = (run) => {
    const best = Array(run.length).concat({ left: 0, words: [] }); // best[i] cuts run.slice(i)
    for (let start = run.length - 1; start >= 0; start--) {
      best[start] = { left: best[start + 1].left + 1, words: best[start + 1].words };
      for (let end = run.length; end >= start + 2; end--) {
        const word = run.slice(start, end);
        const way = { left: best[end].left, words: [word, ...best[end].words] };
        if (known(word) && better(way, best[start])) best[start] = way;
      }
    }
    return best[0].words.length ? best[0].words : [run];
  };

  const han = /\p{Script=Han}/u;
  const runs = /\p{Script=Han}+|(?:(?!\p{Script=Han})[\p{L}\p{N}_\p{Emoji_Presentation}])+/gu;
  return (query.match(runs) ?? []).flatMap((run) => (han.test(run) ? cut(run) : run));
};
