import pytest

from data_synthesis.trajectories.language import known, same_language, script


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Give Ann her money back.", "other"),
        ("请给安退款。", "zh"),
        ("请把 https://example.org/reports/annual_budget.txt 的内容写进 summary.txt。", "zh"),
        ("Please send the note 会议 to everyone in the office today.", "other"),
        ("订单 status is done 了", "mixed"),
        ("12 + 30 = ?", "none"),
        ("", "none"),
    ],
)
def test_the_script_of_a_text_is_that_of_its_words(text, said):
    assert script(text) == said


def test_only_two_known_scripts_can_differ():
    assert not same_language("Give Ann her money back.", "请给安退款。")
    assert same_language("Give Ann her money back.", "订单 status is done 了")
    assert same_language("请给安退款。", "42")


@pytest.mark.parametrize(
    ("text", "is_known"),
    [
        ("The refund was not possible, as the shop did not answer.", True),
        ("All done.", True),
        ("退款没有成功，请稍后再试，或者联系商店的客服人员。", True),
        ("Die Erstattung ist leider fehlgeschlagen, weil der Laden nicht geantwortet hat.", False),
        ("Le remboursement a échoué parce que le magasin ne répond pas pour le moment.", False),
        ("Не удалось вернуть деньги, потому что магазин сейчас совсем не отвечает.", False),
    ],
)
def test_a_longer_text_in_a_third_language_is_known_as_such(text, is_known):
    assert known(text) is is_known
