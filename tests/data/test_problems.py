"""The table of problems."""

from mmsa_utils.data.problems import MANY, PROBLEM_COLUMNS, condense, make_problem, problem_table


def rows(count, problem):
    return [make_problem(f"{n}.jpg", str(n), problem, "mend it") for n in range(count)]


def test_a_problem_of_many_posts_is_shown_as_one_row_with_their_number():
    table = problem_table([*rows(MANY + 5, "missing picture"), *rows(2, "empty text")])
    shown = condense(table)
    assert shown["problem"].tolist() == ["missing picture", "empty text", "empty text"]
    assert shown["guid"].tolist() == [f"0 and {MANY + 4} more", "0", "1"]
    assert shown["file"][0] == f"0.jpg and {MANY + 4} more"


def test_few_rows_stay_as_they_are():
    table = problem_table(rows(MANY, "missing picture"))
    assert condense(table).equals(table)
    assert list(condense(problem_table([])).columns) == PROBLEM_COLUMNS
