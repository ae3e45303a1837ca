"""Lists of posts in the forms in which programs write them."""

import pytest

from mmsa_utils.config import LABELS
from mmsa_utils.data.lists import read_list
from mmsa_utils.errors import CourseError

KNOWN = {"7", "8", "9"}


@pytest.fixture
def read(tmp_path):
    """A function: the content of a list with that text."""

    def write_and_read(text, name="train.txt", **options):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return read_list(tmp_path / name, has_files=KNOWN.__contains__, **options)

    return write_and_read


def pairs(content):
    return [(entry.guid, entry.tag) for entry in content.entries]


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("guid,tag\n7,negative\n8,Positive\n", 0),
        ("7,negative\n8,positive\n", 0),
        ("tag;guid\nnegative;7\npositive;8\n", 0),
        ("GUID,Tag,\n7,negative,\n8,positive,\n", 0),
        ("guid,tag\n7,negative,,\n8,positive,,\n", 0),
        ("guid,tag\n7\tnegative\n8\tpositive\n", 0),
        ("0,7,negative\n1,8,positive\n", 1),
        ('"guid" "tag"\n"1" "7" "negative"\n"2" "8" "positive"\n'.replace(" ", ";"), 1),
        (",guid,tag\n0,7,negative\n1,8,positive\n", 1),
        ('guid,text,tag\n7,"oh, no",negative\n8,yes,positive\n', 1),
    ],
)
def test_a_list_is_read_by_its_header_or_without_one(read, text, notes):
    content = read(text)
    assert pairs(content) == [("7", "negative"), ("8", "positive")]
    assert content.problems == []
    assert len(content.notes) == notes


def test_columns_that_are_not_used_are_said_once(read):
    assert read(",guid,source,tag\n0,7,x,negative\n1,8,y,positive\n").notes == [
        "train.txt: columns that are not used: an index without a name, source"
    ]


@pytest.mark.parametrize(
    "text",
    [
        *("guid,tag\n8,null\n7,null\n", "guid,tag\n8,\n7,\n", "guid\n8\n7\n", "8\n7\n"),
        *("guid,tag\n8,NaN\n7,None\n", "guid;tag;\n8;;\n7;;\n"),
    ],
)
def test_a_list_without_labels_may_have_no_tags_and_keeps_its_order(read, text):
    content = read(text, "test_without_label.txt")
    assert pairs(content) == [("8", ""), ("7", "")]
    assert content.problems == content.notes == []


def test_tags_in_a_list_without_labels_are_not_looked_at_and_that_is_said(read):
    content = read("guid,tag\n8,positive\n7,null\n", "test_without_label.txt")
    assert pairs(content) == [("8", ""), ("7", "")]
    assert "1 tag(s) are not looked at" in content.notes[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,label\n7,negative\n", r"header is id,label: write guid,tag in its place"),
        ("guid,label\n7,negative\n", r"header is guid,label: write guid,tag"),
        (
            "guid,tag\n7,-1\n8,1\n9,0\n",
            r"are -1, 0, 1; .* negative for -1, neutral for 0, positive",
        ),
        ("guid,tag\n7,4\n8,2\n9,0\n", r"negative for 0, neutral for 2, positive for 4"),
        (
            "guid,tag\n7,pos\n8,neg\n",
            r"your tags are neg, pos; .*negative for neg, positive for po",
        ),
        ("guid,tag\n7,hateful\n8,kind\n", r"your tags are hateful, kind; this course has negative"),
        ("guid,tag\n7,\n8,\n", r"those without go into test_without_label.txt"),
        ("7\n8\n", r"no line is guid,tag \(the first is '7'\)"),
        ("ID\ttext,image\n7\tpositive,neutral\n", r"the list of MVSA \(ID, label of the text"),
        ("ID,text,image\n7,positive,neutral\n", r"`mmsa_utils import-mvsa .* --out FOLDER`"),
        ("7\tpositive\tneutral\n8\tneutral\tneutral\n", r"the list of MVSA"),
    ],
)
def test_a_fault_of_the_whole_list_is_one_line_with_the_remedy(read, text, said):
    with pytest.raises(CourseError, match=said) as caught:
        read(text)
    assert "\n" not in str(caught.value)
    assert "train.txt" in str(caught.value)


def test_another_header_of_the_list_without_labels_is_said_too(read):
    with pytest.raises(CourseError, match="header is id: write guid,tag"):
        read("id\n7\n8\n", "test_without_label.txt")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("9", "not two cells"),
        ("9,negative,why", "not two cells"),
        ("../9,negative", "guid is not a plain file name"),
        (r"c:\9,negative", "guid is not a plain file name"),
        (".9,negative", "guid is not a plain file name"),
        (",negative", "no guid"),
        ("9,happy", "unknown tag 'happy'"),
    ],
)
def test_a_bad_line_is_a_problem_of_its_own(read, line, problem):
    content = read(f"guid,tag\n7,negative\n{line}\n8,positive\n")
    assert pairs(content) == [("7", "negative"), ("8", "positive")]
    assert [(row["file"], row["problem"]) for row in content.problems] == [("train.txt:3", problem)]


FIVE = ("1", "2", "3", "So-so", "Great")


@pytest.mark.parametrize(
    ("text", "classes", "found"),
    [
        ("guid,tag\n7,Hateful\n8,KIND\n", ("hateful", "Kind"), ["hateful", "Kind"]),
        ("7,hateful\n8,kind\n", ("hateful", "kind"), ["hateful", "kind"]),
        ("0,7,1\n1,8,so-so\n", FIVE, ["1", "So-so"]),
        ("guid;tag\n7;3\n8;great\n", FIVE, ["3", "Great"]),
    ],
)
def test_tags_are_those_of_other_classes_whatever_their_case(read, text, classes, found):
    content = read(text, classes=classes)
    assert pairs(content) == list(zip("78", found, strict=True))
    assert content.problems == []


@pytest.mark.parametrize(
    ("classes", "text", "said"),
    [
        (LABELS, "7,a\n8,b\n", r"this course has negative, .*name yours in a file classes\.txt"),
        (("a", "b"), "7,x\n8,y\n", r"tags are x, y; this folder has a, b: .*in classes\.txt"),
        (("good", "bad"), "7,g\n8,b\n", r"write bad for b, good for g, or"),
        (FIVE, "7,4\n8,5\n9,6\n", r"write one of these for each of yours, or"),
        (FIVE, "id,label\n7,1\n", r"tag: 1, 2, 3, So-so, Great\)"),
    ],
)
def test_tags_of_no_class_are_one_line_that_names_the_file_of_classes(read, classes, text, said):
    with pytest.raises(CourseError, match=said) as caught:
        read(text, classes=classes)
    assert "\n" not in str(caught.value)


def test_a_tag_that_is_no_class_is_a_problem_of_its_line_and_the_classes_are_named(read):
    [problem] = read("7,a\n8,positive\n9,b\n", classes=("a", "b")).problems
    assert problem["problem"] == "unknown tag 'positive'"
    assert problem["what to do"] == "use one of: a, b"


def test_guids_may_be_chinese_have_spaces_and_brackets(read):
    content = read("guid,tag\n微博1,negative\nIMG 20 (1),positive\n")
    assert pairs(content) == [("微博1", "negative"), ("IMG 20 (1)", "positive")]
    assert content.problems == []


@pytest.mark.parametrize("text", ["", "\n\n", "guid,tag\n"])
def test_an_empty_list_lists_nothing(read, text):
    assert pairs(read(text)) == []
