"""Sphinx extension: a search index of Chinese that knows the course's terms.

Chinese is written without spaces. Sphinx lets jieba cut the pages into words; here jieba also knows
the terms of the glossary, so that 直通估计器 is one word. What a reader types is not cut at all by
Sphinx; `split_query.js` does that in the browser, with the words that are in the index.
"""

import re
from pathlib import Path

import jieba
import snowballstemmer
from sphinx.search.zh import SearchChinese

# A glossary entry: its anchor, then the term, a middle dot and the English.
ENTRY = re.compile(r"^\(term-[\w-]+\)=\n(.+?) · ", re.MULTILINE)
CHINESE = re.compile(r"[\u4e00-\u9fff]+")
# Words of a question that say nothing of its subject; a query is searched for without them.
ASKING = {"为什么", "什么", "什么样", "什么是", "哪些", "哪个", "如何", "怎么", "怎么样", "怎样"}
ASKING |= {"可以", "是否", "能否", "能不能"}
SPLIT_QUERY = Path(__file__).with_name("split_query.js")


def glossary_terms(glossary: str) -> list[str]:
    """The glossary's terms as far as they are Chinese: of "top-k 采样" only 采样, a plain word."""
    return [term for entry in ENTRY.findall(glossary) for term in CHINESE.findall(entry)]


class CourseChinese(SearchChinese):
    """Chinese as in Sphinx, with the words of this course."""

    js_splitter_code = SPLIT_QUERY.read_text("utf-8")
    stopwords = SearchChinese.stopwords | ASKING

    def init(self, options: dict) -> None:
        """Make the word list; `options["terms"]` come on top of jieba's own."""
        self.jieba = jieba.Tokenizer()
        for term in options["terms"]:
            self.jieba.add_word(term)
        # The stemmer that the page's JavaScript is; Sphinx takes another one for Chinese pages.
        self.stemmer = snowballstemmer.stemmer("porter")
        self.latin_terms = []

    def split(self, input: str) -> list[str]:
        """All words of a text; a long word's parts count as well, 码本坍缩 is also 码本."""
        latin = self.latin1_letters.findall(input)
        self.latin_terms.extend(latin)
        return [*self.jieba.cut_for_search(input), *latin]


def read_terms(app, config):
    """Handler of `config-inited`: hand the glossary's terms to the index."""
    if config.language.startswith("zh"):
        glossary = Path(app.srcdir) / "book/pages/zh/glossary.md"
        config.html_search_options["terms"] = glossary_terms(glossary.read_text("utf-8"))


def setup(app):
    """Register the extension with Sphinx."""
    app.add_search_language(CourseChinese)
    app.connect("config-inited", read_terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
