"""The buttons under a finished picture: which there are and what they change, and what is done when one is pressed."""

from bot.dialog.buttons.actions import Action
from bot.dialog.buttons.presses import DOUBLE_SECONDS, Button, Buttons, Press, Pressed, is_order, job_id

__all__ = ["DOUBLE_SECONDS", "Action", "Button", "Buttons", "Press", "Pressed", "is_order", "job_id"]
