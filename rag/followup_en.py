"""English follow-up questions: which lack their subject, and what that is (see `followup`)."""

from __future__ import annotations

import re

from rag.folding import STOP_WORDS, fold, grams
from rag.followup_types import Topic

_OPENING = re.compile(r"^(?:(?:and|so|but|ok|okay|then|also|well|right|thanks|thank you|please)\b[,.!]?\s+)+", re.I)
_SMALL_TALK = re.compile(
    r"^(?:hi|hello|hey|thanks|thank you|bye|good (?:morning|evening)|who are you|what(?:'s| is) your name"
    r"|is (?:that|this|it) (?:right|true|correct|so))\b",
    re.I,
)
_AGAIN = re.compile(r"^(?:go on|continue|more|tell me more|and then|more details?|in more detail)[?.! ]*$", re.I)
_WHY = re.compile(r"^(?:why|why not|why is that|how so|how come)[?.! ]*$", re.I)
_ABOUT = re.compile(r"^(?:(?:what|how) about|and|what of)\s+(.+?)\s*\?*$", re.I)
_ASKS = r"how|what|when|where|which|who|why|is|are|was|do|does|did|can|could|should|would|will|may|must"
_DETAIL = re.compile(rf"^the\s+([\w' -]{{2,30}}?),\s*((?:{_ASKS})\b.+)$", re.I)
_EXPLETIVE = re.compile(
    r"\b(?:is|was|'s|does|did|would|will|can)\s+it\s+(?:take|safe|possible|ok|okay|true|necessary|better|best|worth|hard|easy"
    r"|normal|legal|bad|good|cost|matter|rain|snow|mean)\b[^?]*?\b(?:to|that|if|for|when|in)\s+(?:\w+\s+)?(?:an?|the|my|your)?\s*"
    r"(?!cook|freeze|bake|make|prepare|store|eat|serve|boil|simmer|roast|reheat|keep)\w+\s+\w+",
    re.I,
)
_THING = (
    r"(?:this|that|the same)\s+(?:dish|recipe|one|soup|stew|cake|pie|bread|salad|drug|medicine|person|place|book"
    r"|company|product|model)"
)
_POSSESSIVE = re.compile(r"\b(?:its|their|his)\b(?!\s*$)|\bher\b(?=\s+\w)", re.I)
_VERBS = (
    r"is|was|are|were|can|could|will|would|should|need|needs|take|takes|have|has|do|does|keep|keeps|work|works"
    r"|go|goes|cost|mean"
)
_PRONOUN = re.compile(
    rf"\b{_THING}\b|(?<=\bdoes )(?:this|that)\b|(?<=\bdo )(?:these|those)\b"
    r"|\b(?:it|they|them|he|she|him)\b|\b(?:this|that|these|those)\b"
    rf"(?=\s*[?.!,]|\s*$|\s+(?:{_VERBS})\b)",
    re.I,
)
_AFTER_THAT = re.compile(r"\b(?:after|before|besides|like|instead of|for)\s+(?:that|this|which)\b", re.I)
_POINTING = re.compile(r"\b(?:instead|as well|too|afterwards|anymore|then|after that|before that|substitute)\b", re.I)
_SHORT = re.compile(
    r"^(?:for\s+|at\s+|in\s+|to\s+)?(?:how\s+(?:long|much|many|hot|big|thick|often|far|old|soon)|what\s+(?:temperature|time|size|kind|else|next)"
    r"|which|why|when|where|who|can|could|should|do|must)\b",
    re.I,
)
_ARTICLE = re.compile(r"^(?:an?|the|some|my|your|our)\s+", re.I)
_MAKE = (
    r"make|cook|bake|prepare|roast|fry|boil|grill|steam|freeze|store|reheat|serve|use|install|set up|change|switch"
    r"|add|train|write|get|buy|choose|build|start|clean"
)
_FRAMES = tuple(
    re.compile(frame, re.I)
    for frame in (
        rf"\bhow\s+(?:do|can|should|would|could|to)\s*(?:i|you|we|one)?\s+(?:{_MAKE})\s+(.+)",
        r"\b(?:recipe|ingredients|instructions|directions|steps|method)\s+(?:for|of|in)\s+(.+)",
        r"^(?:what|who)\s+(?:is|are|was|were)\s+(?!in\b|the\s+\w+\s+(?:of|for|in)\b)(.+)",
        r"\b(?:tell me about|explain|describe|to (?:make|cook|bake))\s+(.+)",
        r"^how\s+(?:much|many)\b.*?\b(?:does|do)\s+(?!i\b|you\b|we\b)(.+?)\s+(?:take|need|use|contain|have|call|require|cost|serve)\b.*",
        r"\b(?:goes?|go|put|used|needed|need|be|is|are)\s+(?:in|into|for)\s+(.+)",
        r"^(?:at\s+)?(?:how|what|when|where|which)\b.*?\b(?:does|do|should|must|can|will|is|are)\s+(?!i\b|you\b|we\b)(.+?)\s+"
        r"(?:\w+)(?:\s+(?:in|at|for|on|out|with|from|up|before|until)\b.*)?$",
        r"\b(?:for|of|in|into|about)\s+(?!i\b|you\b|how\b|what\b)(.+)",
        r"^(?:is|are|can|does|do|will|should)\s+(?!i\b|you\b|we\b|there\b|it\b)(.+?)\s+(?:be|have|need|contain|good|safe|take|keep|\w+)\b.*$",
    )
)
_TAIL = re.compile(
    r"\s+(?:(?:be|from|until|before|after|when|if|so that|takes?|needs?|at home|step by step|please|work|called)\b"
    r"|in the (?:oven|fridge|freezer)).*$",
    re.I,
)


def resolve(question: str, topic: Topic) -> str:
    """`question` with the topic's subject where it lacks one of its own."""
    core = _OPENING.sub("", question).strip() or question
    subject, asked = topic.subject, topic.asked
    if _AGAIN.match(core) or _AGAIN.match(question):
        return asked or question
    if _WHY.match(core):
        return f"{asked.rstrip('?.! ')} - {core}" if asked else f"{core.rstrip('?')} ({subject})?"
    if _SMALL_TALK.match(core):
        return question
    if detail := _DETAIL.match(core):
        return f"The {detail[1]} for {subject}, {detail[2]}"
    about = _ABOUT.match(core) or (_ABOUT.match(question) if core != question else None)
    if about and not re.match(rf"(?:{_ASKS})\b", about[1], re.I) and not _PRONOUN.fullmatch(about[1]):
        return _how_about(about[1], question, topic)
    pointing = _AFTER_THAT.sub("", core)
    if not _EXPLETIVE.search(core):
        if _PRONOUN.search(pointing):
            return _capital(_PRONOUN.sub(lambda _: subject, pointing, count=1))
        if _POSSESSIVE.search(core):
            return _capital(_POSSESSIVE.sub(lambda _: f"{subject}'s", core, count=1))
    content = [word for word in grams(fold(pointing).text) if word not in ("then", "long", "hot", "people")]
    short = _SHORT.match(core) and len(content) <= 1 and not re.match(r"who (?:is|was|are)", core, re.I)
    if short or _POINTING.search(core):
        bare = re.sub(r",?\s*\bthen\b", "", core, flags=re.I).strip().rstrip("?.! ")
        return _capital(f"{bare} for {subject}?")
    return question


def subject(question: str) -> str:
    """What a complete question is about: "How long does shepherd's pie bake?" gives "shepherd's pie"."""
    core = _OPENING.sub("", question).strip().rstrip("?.! ")
    for frame in _FRAMES:
        if found := frame.search(core):
            thing = _ARTICLE.sub("", _TAIL.sub("", found[1])).strip(" ,.\"'")
            words = thing.split()
            if words and len(words) <= 6 and any(word.lower() not in STOP_WORDS for word in words):
                return thing
    return ""


def _how_about(thing: str, question: str, topic: Topic) -> str:
    """ "What about X?": another detail of the same subject, or another subject for the same question."""
    bare = _ARTICLE.sub("", thing)
    detail = thing.lower().startswith("the ") or bare.lower() in topic.answer.lower()
    at = topic.asked.lower().find(topic.subject.lower())
    if not detail and at >= 0:
        return topic.asked[:at] + thing + topic.asked[at + len(topic.subject) :]
    if not detail:
        return question
    measure = re.match(r"how (much|many)\b", topic.asked, re.I)
    if measure:
        return f"How {measure[1].lower()} {bare} for {topic.subject}?"
    return f"What about {thing} for {topic.subject}?"


def _capital(text: str) -> str:
    text = re.sub(r"\s+([?.!,])", r"\1", re.sub(r"\s{2,}", " ", text)).strip()
    return text[:1].upper() + text[1:]
