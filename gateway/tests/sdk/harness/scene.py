"""What every simulated cloud is asked, and what it must answer: the model is the same behind all of them."""

from __future__ import annotations

import base64
import json

ANSWER = "The wind blows from the east."
# A PNG of one pixel.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SEEN = f"I see image/png of {len(PIXEL)} bytes."
QUESTION = "Where does the wind blow from?"

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
    "required": ["city", "days"],
}
WEATHER_ARGUMENTS = {"city": "city", "days": 2}
FORECAST = {
    "type": "object",
    "properties": {"wind": {"type": "string", "enum": ["east", "west"]}, "degrees": {"type": "integer"}},
    "required": ["wind", "degrees"],
    "additionalProperties": False,
}


def is_forecast(text: str) -> bool:
    """Whether a text is what the schema `FORECAST` asks for."""
    forecast = json.loads(text)
    return forecast["wind"] == "east" and isinstance(forecast["degrees"], int)


def quotes(text: str, *results: str) -> bool:
    """Whether the model has read these results of its tools, in this order."""
    return text == f"The tools say: {', '.join(results)}."
