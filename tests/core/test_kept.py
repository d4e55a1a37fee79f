"""What is worked out once: so many of each size are kept, and none of what is too large."""

from app.core.kept import kept_by_size


def test_each_shelf_keeps_so_many_and_what_is_larger_is_made_anew() -> None:
    made: list[int] = []

    def make(number: int) -> list[int]:
        made.append(number)
        return [number]

    find = kept_by_size(make, lambda number: number, (9, 3), (99, 1))

    def makes(*numbers: int) -> list[int]:
        made.clear()
        assert [find(number) for number in numbers] == [[number] for number in numbers]
        return made.copy()

    assert makes(7, 8, 9, 7, 8, 9) == [7, 8, 9], "three are kept"
    assert makes(10, 10, 11, 10) == [10, 11, 10], "one is kept of the larger"
    assert makes(7, 8, 9) == [], "which pushes none of the smaller out"
    assert makes(6, 7, 6) == [6, 7], "the longest unused goes first"
    assert makes(100, 100) == [100, 100]
