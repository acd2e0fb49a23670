"""Cases: the report of a study, read by Python's own readers."""
import csv
import html.parser
import json
import os
import re
import shutil

from cli_harness import call, call_json, same, tmp
from cli_study import make_analysis, make_run

VOID = {"meta", "br", "img", "link", "input", "hr"}
HOSTILE = "<script>alert('x')</script>\" onload=\"&amp;"


class Page(html.parser.HTMLParser):
    """Fails where tags are not closed in order; collects ids, names of tags, numbers of tables and all text."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.tags, self.text, self.values = [], [], set(), [], {}
        self.table = None

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.add(tag)
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "table":
            self.table = self.values.setdefault(attributes["id"], [])
        if tag == "td" and "data-value" in attributes:
            self.table.append(float(attributes["data-value"]))
        assert not any(name.startswith("on") for name in attributes), attributes
        for name in ("href", "xlink:href", "src"):
            assert name not in attributes or attributes[name].startswith(("#", "data:")), attributes
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> within {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data):
        self.text.append(data)


def make_study():
    study = tmp("report-study")
    if os.path.exists(study):
        return study
    os.makedirs(os.path.join(study, "runs"))
    for variant in ("l1", "batchtopk"):
        make_analysis(variant)
        shutil.copytree(make_run(variant), os.path.join(study, "runs", variant + "-1"))
    files = {"study.json": {"format_version": 1, "title": HOSTILE, "base": tmp("base"), "chat": tmp("chat"), "corpora": []},
             "labels.json": {"l1-1": {"3": {"name": HOSTILE, "note": "=1+1,\n\"two\""}}},
             "claims.json": {"concepts": {HOSTILE: {"latent": 3, "auc": 0.12345678901234, "chat_specific": False}}},
             "steering.json": {"examples": [{"run": "l1-1", "prompt": HOSTILE, "texts": {"chat_plain": HOSTILE}}]}}
    for name, content in files.items():
        with open(os.path.join(study, name), "w", encoding="utf-8") as file:
            json.dump(content, file)
    return study


def read_page(path):
    page = Page()
    with open(path, encoding="utf-8") as file:
        page.feed(file.read())
    page.close()
    same(page.open, [], "tags left open")
    same(len(page.ids), len(set(page.ids)), "ids that are there once")
    assert "script" not in page.tags, "text became markup"
    return page


def read_table(folder, name):
    with open(os.path.join(folder, name + ".csv"), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def report_html():
    study, path = make_study(), tmp("page.html")
    answer = call_json("report", study, "--html", path)
    page = read_page(path)
    text = "".join(page.text)
    same(text.count(HOSTILE) >= 5, True, "hostile names as they were given")
    assert 0.12345678901234 in page.values["concepts-table"], "AUC of claims.json"
    assert {"svg", "figure", "table", "style"} <= page.tags, page.tags
    for claim in answer["claims"]:
        assert claim["claim"] in text and claim["numbers"] in text, claim


def report_tables():
    study, path, folder = make_study(), tmp("page.html"), tmp("tables")
    call("report", study, "--html", path, "--csv", folder)
    page = read_page(path)
    for name in page.values:
        rows = read_table(folder, name)
        columns = rows[0].keys() if rows else ()
        numbers = sorted(float(row[c]) for row in rows for c in columns
                         if not c.endswith(("_low", "_high")) and re.fullmatch(r"-?[0-9.]+(e-?[0-9]+)?", row[c]))
        for value in page.values[name]:
            assert value in numbers, f"{value} of {name} is not in its CSV"
    labels = read_table(folder, "labels")
    same((labels[0]["name"], labels[0]["note"]), (HOSTILE, "=1+1,\n\"two\""), "labels.csv")
    counted = {row["count"]: row for row in read_table(folder, "claims-table")}
    for variant in ("l1", "batchtopk"):
        listed = len(call("latents", os.path.join(study, "runs", variant + "-1"), "--class", "chat-only", "--json").splitlines())
        same(int(counted["chat-only (≥ 0.9)"][variant + "-1"]), listed, "chat-only latents of " + variant)


def report_pdf():
    path = tmp("page.pdf")
    call("report", make_study(), "--pdf", path)
    with open(path, "rb") as file:
        content = file.read()
    assert content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF"), content[:20]
    pages = [int(n) for n in re.findall(rb"/Type /Pages.*?/Count (\d+)", content, re.S)]
    assert pages and max(pages) >= 2, pages


def report_default_and_failures():
    study = make_study()
    call("report", study)
    read_page(os.path.join(study, "report.html"))
    call("report", tmp("nowhere"), expect=1)
    call("report", expect=2)
    call("report", study, "--pdf", tmp("no", "folder", "page.pdf"), expect=1)


CASES = [("report html", report_html), ("report tables", report_tables), ("report pdf", report_pdf),
         ("report default and failures", report_default_and_failures)]
