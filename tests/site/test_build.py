"""The site from a leaderboard: strict, self-contained, and safe from anything a submission may contain."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.challenges import sandbox_counts

from evaluator.datasets.challenge import challenge
from evaluator.site.build import build, pages, write_pages
from evaluator.site.template import environment, text

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(leaderboard, tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    with sandbox_counts():
        build(leaderboard, ROOT / "mkdocs.yml", out)
    return out


def asked_for(site, module):
    """A module and every module that it imports, by name."""
    text = (site / f"assets/{module}.js").read_text("utf-8")
    return {module}.union(*(asked_for(site, name) for name in re.findall(r'from "\./(\w+)\.js"', text)))


@pytest.mark.parametrize(
    ("page", "modules"),
    [("compare", ["compare"]), ("leaderboards/sandbox/findings", ["leaderboard", "parts"])],
)
def test_a_page_tells_at_once_which_modules_it_asks_for(site, page, modules):
    links = [a for tag, a in tags(site / page / "index.html") if tag == "link"]
    told = [a["href"].rpartition("/")[2].removesuffix(".js") for a in links if a["rel"] == "modulepreload"]
    assert sorted(told) == sorted(set().union(*(asked_for(site, m) for m in modules)))


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def tags(path):
    parser = Tags()
    parser.feed(path.read_text("utf-8"))
    return parser.found


def test_every_page_has_a_policy_before_any_script(site):
    for path in site.rglob("*.html"):
        content = path.read_text("utf-8")
        assert content.count("Content-Security-Policy") == 1
        assert content.index("Content-Security-Policy") < content.index("<script")
        assert "'unsafe-eval'" not in content
        assert "script-src 'self' 'unsafe-inline'" not in content


def test_every_page_exists(site):
    for page in (
        "",
        "leaderboards",
        "leaderboards/sandbox/findings",
        "leaderboards/iu-xray/report",
        "leaderboards/reported",
        "models",
        "models/rexrank-sandbox/near-copy",
        "metrics",
        "submit",
        "about",
        "codes",
        "datasets",
        "datasets/iu-xray",
        "compare",
        "changelog",
        "api",
        "rules",
        "faq",
        "integrity",
        "maintainers/architecture",
    ):
        assert (site / page / "index.html").is_file(), page


def test_the_map_of_the_site_names_every_page_once(site):
    addresses = re.findall(r"<loc>(.*?)</loc>", (site / "sitemap.xml").read_text("utf-8"))
    pages = {p.parent.relative_to(site).as_posix() for p in site.rglob("index.html")}
    wanted = {f"{challenge().site}{'' if p == '.' else p + '/'}" for p in pages}
    assert sorted(addresses) == sorted(wanted)


def test_the_map_of_the_site_dates_what_content_dates(site):
    """A page's date is that of the last event it shows, not the build's; a page of prose has no date."""
    text = (site / "sitemap.xml").read_text("utf-8")
    dates = dict(re.findall(r"<url><loc>([^<]*)</loc><lastmod>([^<]*)</lastmod></url>", text))
    assert dates[f"{challenge().site}leaderboards/sandbox/findings/"] == "2026-01-02"
    assert dates[f"{challenge().site}models/rexrank-sandbox/near-copy/"] == "2026-01-02"
    assert f"{challenge().site}about/" not in dates
    assert f"{challenge().site}leaderboards/iu-xray/report/" not in dates


def test_every_page_says_what_it_is_and_has_a_picture(site):
    titles: dict[str, list[str]] = {}
    descriptions: dict[str, list[str]] = {}
    for path in site.rglob("index.html"):
        head = path.read_text("utf-8").partition("</head>")[0]
        name = path.relative_to(site).as_posix()
        (image,) = re.findall(r'og:image" content="([^"]*)"', head)
        assert (site / image.removeprefix(challenge().site)).is_file(), name
        (about,) = re.findall(r'<meta name="description" content="([^"]*)"', head)
        descriptions.setdefault(about, []).append(name)
        (title,) = re.findall(r"<title>(.*?)</title>", head, re.DOTALL)
        titles.setdefault(title, []).append(name)
    assert {t: names for t, names in titles.items() if len(names) > 1} == {}
    assert challenge().about not in descriptions
    assert {d: names for d, names in descriptions.items() if len(names) > 1} == {}


def test_the_search_finds_a_model_once(site):
    docs = json.loads((site / "search/search_index.json").read_text("utf-8"))["docs"]
    places = [d["location"] for d in docs if "Sandbox near-copy" in d["title"] + d["text"]]
    assert places == ["models/rexrank-sandbox/near-copy/"]


def test_a_board_is_a_dataset_for_search_engines(site):
    page = (site / "leaderboards/sandbox/findings/index.html").read_text("utf-8")
    (data,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    known = json.loads(data)
    assert known["@type"] == "Dataset"
    assert known["name"] == "Sandbox findings leaderboard"
    for part in known["distribution"]:
        assert (site / part["contentUrl"].removeprefix(challenge().site)).is_file()
    assert "application/ld+json" not in (site / "leaderboards/iu-xray/report/index.html").read_text("utf-8")


def test_the_repository_is_one_click_away(site):
    repository = f"{challenge().repository_url}/"
    for path in site.rglob("*.html"):
        links = [str(a.get("href")) for tag, a in tags(path) if tag == "a"]
        assert challenge().repository_url in links, path
    for name, wanted in (("about", f"{repository}edit/main/site/about.md"), ("models", "")):
        links = [str(a.get("href")) for tag, a in tags(site / name / "index.html") if tag == "a"]
        assert [h for h in links if "/edit/" in h] == ([wanted] if wanted else [])
    guide = [str(a.get("href")) for tag, a in tags(site / "submit/index.html") if tag == "a"]
    assert {f"{repository}fork", f"{repository}compare"} <= set(guide)


def test_the_font_is_small_and_has_its_licence(site):
    (font,) = (site / "assets/fonts").glob("*.woff2")
    assert font.stat().st_size <= 60_000
    assert "SIL OPEN FONT LICENSE" in (site / "assets/fonts/LICENSE-source-sans-3.txt").read_text("utf-8")
    style = (site / "assets/site.css").read_text("utf-8")
    assert f"fonts/{font.name}" in style


def test_every_placeholder_in_the_prose_is_filled(site):
    for path in site.rglob("*.html"):
        assert "<!-- rexrank:" not in path.read_text("utf-8"), path
    assert "rx-facts" in (site / "metrics/bleu_2/index.html").read_text("utf-8")
    assert "Cases of a model" in (site / "api/index.html").read_text("utf-8")


def test_links_into_a_page_have_a_target(site):
    ids = {p: {a["id"] for _, a in tags(p) if a.get("id")} for p in site.rglob("index.html")}
    lost = []
    for page in ids:
        for tag, attributes in tags(page):
            path, mark, name = str(attributes.get("href") or "").partition("#")
            if tag != "a" or not mark or not name or "://" in path:
                continue
            target = (page.parent / path.partition("?")[0] / "index.html").resolve() if path else page
            if target in ids and unquote(name) not in ids[target] | {"__codelineno", "__consent"}:
                lost.append((page.relative_to(site).as_posix(), attributes["href"]))
    assert lost == []


def test_a_hostile_card_stays_text(site):
    for page in ("leaderboards/sandbox/findings", "models/rexrank-sandbox/template", "models", ""):
        path = site / page / "index.html"
        for tag, attributes in tags(path):
            assert not (tag == "script" and "alert" in str(attributes))
            assert not str(attributes.get("href", "")).startswith("javascript:")
            assert not any(name.startswith("on") for name in attributes)
        content = path.read_text("utf-8")
        assert "<script>alert" not in content
        assert "<strong>[x]" not in content
    html = (site / "models/rexrank-sandbox/template/index.html").read_text("utf-8")
    assert "Evil &lt;script&gt;" in html


def test_nothing_comes_from_elsewhere(site):
    for path in site.rglob("*.html"):
        for tag, attributes in tags(path):
            if str(attributes.get("property", "")).startswith("og:"):
                continue
            source = attributes.get("src") or (attributes.get("href") if tag == "link" else None)
            if attributes.get("rel") == "canonical":
                continue
            assert not source or not re.match(r"(https?:)?//", source), (path, tag, source)


def test_the_board_reads_in_order_without_a_script(site):
    content = (site / "leaderboards/sandbox/findings/index.html").read_text("utf-8")
    assert content.index("Sandbox near") < content.index("Evil")
    assert "Rehearsal" not in content


def test_contradictions_are_marked(site):
    content = (site / "leaderboards/rexgradient/report/index.html").read_text("utf-8")
    assert content.count("from its components") == 13
    assert "38 of 392 rows" in re.sub(
        r"<[^>]+>", "", (site / "leaderboards/reported/index.html").read_text("utf-8")
    )


def test_pages_are_written_only_when_they_change(leaderboard, tmp_path):
    write_pages(leaderboard, tmp_path)
    stamps = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.md")}
    (tmp_path / "models/gone.md").write_text("stale")
    write_pages(leaderboard, tmp_path)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.md")} == stamps


def test_an_empty_leaderboard_still_makes_a_site(tmp_path):
    files = pages(tmp_path)
    assert "No model has been scored on this board yet" in files["leaderboards/iu-xray/findings.md"]
    assert "Nothing yet" in files["changelog.md"]
    assert "No leaderboard has two ranked models" in files["compare.md"]


def linked(address):
    """A link to another site as templates write it."""
    macros = environment().get_template("macros/common.html").module
    return str(macros.external(address, "x"))


@given(st.text())
def test_no_text_makes_markup(value):
    markup = text(value)
    assert not set("<>\"'`*_[]()|\n\r") & set(markup)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "http://a.org",
        'https://a.org/"onclick=',
        None,
        "https://localhost/x",
        "//a.org",
        "https://a.org:99/",
    ],
)
def test_only_public_https_links(address):
    assert linked(address) == "x"


def test_a_good_link():
    link = html.unescape(linked("https://arxiv.org/abs/2411.15122"))
    assert link == '<a href="https://arxiv.org/abs/2411.15122" rel="nofollow noopener">x</a>'


def test_hostile_words_are_text_everywhere(made):
    for name, body in made.items():
        if name.endswith(".md"):
            assert "<script>alert" not in body, name
            assert not re.search(r"<[^>]+\son\w+=", body), name
    feed = ET.fromstring(made["feed.xml"])
    assert any("<script>" in (e.text or "") for e in feed.iter())
    assert (
        "\n" not in re.search(r"^title: (.*)$", made["models/rexrank-sandbox/template.md"], re.MULTILINE)[1]
    )
