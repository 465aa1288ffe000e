"""The dialogs of the live view: a question, a choice, and the help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option


class Question(ModalScreen[bool]):
    """Asks before an action that can't be undone. Only ``y`` means yes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes"),
        Binding("n,escape,enter,q", "answer(False)", "no"),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text(self.text), classes="question")
            yield Static(Text("y: yes    n: no"), classes="answers")

    def action_answer(self, yes: bool) -> None:
        """Close with the answer."""
        self.dismiss(yes)


class Choice(ModalScreen[str | None]):
    """Offers one of several things. Its result is the key of the chosen one; None if nothing was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", "leave")]

    def __init__(self, title: str, offers: Mapping[str, str]) -> None:
        super().__init__()
        self.title_text = title
        self.offers = offers

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(Text(self.title_text), classes="question")
            yield OptionList(*(Option(Text(text), id=key) for key, text in self.offers.items()))
            yield Static(Text("enter: choose    escape: leave"), classes="answers")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Close with the chosen key."""
        self.dismiss(event.option.id)

    def action_leave(self) -> None:
        """Close without a choice."""
        self.dismiss(None)


class Help(ModalScreen[None]):
    """Lists the keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,enter", "leave", "leave")]

    def __init__(self, keys: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.keys = keys

    def compose(self) -> ComposeResult:
        lines = [Text(f"{key:>12}  ", "bold cyan").append(does, "not bold default") for key, does in self.keys]
        with Vertical(classes="dialog help"):
            yield Static(Text("\n").join(lines))

    def action_leave(self) -> None:
        """Close the help."""
        self.dismiss(None)
