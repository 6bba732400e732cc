"""The style check finds what it is for, and passes over the rest."""

import json

import pytest

from tools import prose

TWENTY_FIVE = " ".join(["word"] * 25)


def complaints(text):
    return [what for _, what in prose.check(text)]


def test_a_sentence_of_25_words_passes_and_one_of_26_is_counted():
    assert complaints(f"{TWENTY_FIVE}.") == []
    assert complaints(f"One {TWENTY_FIVE}.")[0].startswith("26 words (at most 25): One word")


def test_code_is_one_word_and_a_link_is_its_text():
    assert complaints(f"`a b c d` [x](http://a/b) {' '.join(['word'] * 23)}.") == []
    assert len(complaints(f"`a b c d` [x y](http://a/b) {' '.join(['word'] * 23)}.")) == 1


def test_two_sentences_on_a_line_are_refused():
    assert complaints("It trains. It serves.") == ["2 sentences on a line: It trains. It serves."]
    assert complaints("It trains (quickly). `fit` does it.") != []


@pytest.mark.parametrize(
    "line",
    [
        "Eq. (16) is the posterior of Shi et al. (2020).",
        "Recall is .262, e.g. The Times has .3.",
        "Version 0.1.0 needs Python 3.11.",
        "J. Smith wrote it.",
    ],
)
def test_abbreviations_and_figures_end_no_sentence(line):
    assert complaints(line) == []


def test_a_sentence_over_two_lines_is_refused_where_it_begins():
    assert prose.check("A first.\nIt goes\non here.") == [
        (2, "the sentence continues on the next line: It goes")
    ]
    assert prose.check("It has:\n\n- one\n- two\n") == []


def test_code_tables_headings_and_generated_blocks_are_passed_over():
    long = f"One {TWENTY_FIVE}. Two."
    text = f"""\
# {long}

| {long} |
|---|

```
{long}
judge
```

<!-- begin block -->
{long} judged
<!-- end block -->

![{long}](picture.png)
"""
    assert complaints(text) == []


def test_household_words_are_refused_in_prose_headings_and_tables_with_the_fields():
    found = prose.check("# Judging\n\n| `judge` relabeled |\n\nThe loss looks back.\n")
    assert [number for number, _ in found] == [1, 3, 5]
    assert found[0][1] == "'Judging' is a household word; the field's: evaluate"
    assert "reindex" in found[1][1]
    assert complaints("A [page](judge.md) of `judge`.") == []


def test_a_notebooks_text_is_checked_and_its_code_is_not(tmp_path):
    cells = [
        {"cell_type": "code", "source": ["judge()  # It judges. It is."]},
        {"cell_type": "markdown", "source": ["# Title\n", "\n", "One. Two."]},
    ]
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    assert prose.check_file(path) == ["a.ipynb:cell 2:3: 2 sentences on a line: One. Two."]
