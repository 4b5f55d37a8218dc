"""All settings in one place: defaults < YAML file < environment < command line.

Every setting has one flat name (`model`, `k`, `port`…), the same in YAML (`model:`), in the environment
(`FENSHEN_MODEL`) and on the command line (`--model`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from front.errors import SettingsError
from llm.settings import LlmSettings
from rag.settings import RagSettings
from training.settings import TrainingSettings

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_DATA_DIR = ROOT / "data_base"
SAMPLES = ROOT / "data_base" / "knowledge"


@dataclass(frozen=True)
class ServerSettings:
    """How the page is served.

    Attributes:
        host: address to listen on; 0.0.0.0 lets other machines in.
        port: port to listen on.
        root_path: path prefix where a proxy serves the app below one.
        auth: "user:password" that the page asks for; "" asks for none.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    root_path: str = ""
    auth: str = ""


@dataclass(frozen=True)
class Settings:
    """The settings of every room."""

    data_dir: Path
    server: ServerSettings
    llm: LlmSettings
    rag: RagSettings
    training: TrainingSettings


@dataclass(frozen=True)
class Option:
    """One setting: its flat name, type, default and one-line description."""

    name: str
    kind: type
    default: Any
    help: str
    choices: tuple[Any, ...] = ()

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return "FENSHEN_" + self.name.upper()


def options() -> dict[str, Option]:
    """Every setting by flat name, data_dir first."""
    found = {
        "data_dir": Option(
            "data_dir", Path, DEFAULT_DATA_DIR, "folder for everything the app writes (default: data_base/)"
        )
    }
    for room in (ServerSettings, LlmSettings, RagSettings, TrainingSettings):
        kinds, about = get_type_hints(room), _attribute_docs(room)
        for field in fields(room):
            if field.name != "data_dir":
                choices = field.metadata.get("choices", ())
                found[field.name] = Option(field.name, kinds[field.name], _default(field), about[field.name], choices)
    return found


def load(command_line: Mapping[str, Any], environment: Mapping[str, str], file: Path | None = None) -> Settings:
    """Merge the four sources.

    Args:
        command_line: flat name -> value as parsed, only those that were given.
        environment: `os.environ`; only FENSHEN_* names of settings are read.
        file: YAML file; default FENSHEN_CONFIG, else `fenshen.yaml` in the data folder where there is one.

    Raises:
        SettingsError: an unknown name, a value of the wrong type, an unreadable file.
    """
    known = options()
    given = {name: environment[o.variable] for name, o in known.items() if o.variable in environment}
    data_dir = Path(command_line.get("data_dir") or given.get("data_dir") or DEFAULT_DATA_DIR)
    named = file or (Path(environment["FENSHEN_CONFIG"]) if environment.get("FENSHEN_CONFIG") else None)
    values = _read(named or data_dir / "fenshen.yaml", must_exist=named is not None, known=known)
    merged = {**values, **given, **command_line}
    final = {name: _convert(known[name], value) for name, value in merged.items()}
    folder = Path(final.get("data_dir", DEFAULT_DATA_DIR)).expanduser().resolve()
    return Settings(
        data_dir=folder,
        server=ServerSettings(**_only(ServerSettings, final)),
        llm=LlmSettings(**{**_only(LlmSettings, final), "data_dir": folder}),
        rag=RagSettings(**{**_only(RagSettings, final), "data_dir": folder}),
        training=TrainingSettings(**{**_only(TrainingSettings, final), "data_dir": folder}),
    )


def _only(room: type, values: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: values[field.name] for field in fields(room) if field.name in values}


def _read(path: Path, *, must_exist: bool, known: Mapping[str, Option]) -> dict[str, Any]:
    import yaml

    if not path.exists() and not must_exist:
        return {}
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(
            en=f"The settings file {path} cannot be read: {error}. Nothing was started; mend the file or leave it out.",
            zh=f"无法读取设置文件 {path}：{error}。应用没有启动；请修正该文件或不使用它。",
        ) from error
    if not isinstance(values, dict):
        raise SettingsError(
            en=f"The settings file {path} must hold lines like “port: 7860”. Nothing was started; mend the file.",
            zh=f"设置文件 {path} 应由“port: 7860”这样的行组成。应用没有启动；请修正该文件。",
        )
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint_en, hint_zh = (f" Did you mean “{near[0]}”?", f"是否想写“{near[0]}”？") if near else ("", "")
            raise SettingsError(
                en=f"{path.name} has an unknown setting “{name}”.{hint_en} Nothing was started; correct or remove it.",
                zh=f"{path.name} 中有未知的设置项“{name}”。{hint_zh}应用没有启动；请改正或删除。",
            )
    return values


def _convert(option: Option, value: Any) -> Any:
    final = _typed(option, value)
    if option.choices and final not in option.choices:
        allowed = ", ".join(str(choice) for choice in option.choices if choice)
        raise SettingsError(
            en=f"The setting {option.name} = {value!r} is unknown. Nothing was started; choose one of: {allowed}.",
            zh=f"设置项 {option.name} = {value!r} 无法识别。应用没有启动；可选：{allowed}。",
        )
    return final


def _typed(option: Option, value: Any) -> Any:
    try:
        if option.kind is bool:
            if isinstance(value, bool):
                return value
            return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[str(value).lower()]
        if isinstance(value, (dict, list)) or value is None:
            raise ValueError(value)
        return option.kind(value)
    except (ValueError, KeyError) as error:
        raise SettingsError(
            en=f"The setting {option.name} = {value!r} is no {option.kind.__name__}. Nothing was started; correct it.",
            zh=f"设置项 {option.name} = {value!r} 不是 {option.kind.__name__} 类型。应用没有启动；请改正。",
        ) from error


def _default(field: Field[Any]) -> Any:
    return None if field.default is MISSING else field.default


def _attribute_docs(room: type) -> dict[str, str]:
    """Field -> description, out of the class's "Attributes:" section: one source for help, README and docstring."""
    body = (room.__doc__ or "").partition("Attributes:")[2]
    entries = re.findall(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", body, re.MULTILINE)
    return {name: " ".join(line.split()) for name, line in entries}


def markdown_table() -> str:
    """Every setting as the README's table; a test keeps the two the same."""
    lines = ["| setting | default | what |", "|---|---|---|"]
    for option in options().values():
        default = "`data_base`" if option.name == "data_dir" else f"`{option.default}`" if option.default != "" else ""
        lines.append(f"| `{option.name}` | {default} | {option.help} |")
    return "\n".join(lines)
