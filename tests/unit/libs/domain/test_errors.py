"""Every error the desk raises on purpose has one stable code."""

from libs.domain.errors import ConfigurationError, HiddenGemError, InvalidInput, NotFound


def test_an_error_without_text_says_what_its_class_means() -> None:
    assert str(NotFound()) == "The thing asked for does not exist."
    assert str(NotFound("round 7")) == "round 7"


def test_invalid_input_names_its_field() -> None:
    error = InvalidInput("from", "2024-09-03 is after 2024-09-02")
    assert (error.field, error.message, str(error)) == (
        "from",
        "2024-09-03 is after 2024-09-02",
        "from: 2024-09-03 is after 2024-09-02",
    )


def test_no_code_stands_for_two_errors() -> None:
    codes = [error.code for error in (HiddenGemError, InvalidInput, NotFound, ConfigurationError)]
    assert len(set(codes)) == len(codes)
