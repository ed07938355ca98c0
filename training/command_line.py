"""``python -m training VERB [CONFIG.yaml] [--key value …]`` to a checked dataclass."""

from argparse import ArgumentError, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
import dataclasses
import difflib
from itertools import pairwise
import json
from pathlib import Path
import re
import typing
from typing import Any, TypeVar

from docstring_parser import parse as parse_docstring
from jsonargparse import ActionConfigFile, ArgumentParser, DefaultHelpFormatter, Namespace
from training.errors import ConfigError
import yaml

T = TypeVar('T')
#: How jsonargparse 4 tells of a value that does not fit; its other messages are sentences.
_WRONG_VALUE = re.compile(
    r'Parser key "([^"]+)": Expected a (?:<class \'(\w+)\'>|typing\.Literal\[(.+?)\])\. '
    r'Got value: (.*)'
)
_KINDS = {'int': 'a whole number', 'float': 'a number', 'str': 'a text', 'bool': 'true or false'}
_CONFIG_ENDINGS = ('.yaml', '.yml', '.json')


class _HelpFormatter(DefaultHelpFormatter, RawDescriptionHelpFormatter):
    """Leaves the lines of an epilog as they are."""


def make_parser(cls: type, verb: str, epilog: str = '') -> ArgumentParser:
    """Return a parser with one ``--key`` for each field of a dataclass, nested by dots."""
    parser = ArgumentParser(
        prog=f'python -m training {verb}',
        usage=f'python -m training {verb} [CONFIG.yaml] [--key value ...]',
        epilog=epilog,
        exit_on_error=False,
        formatter_class=_HelpFormatter,
    )
    parser.add_argument('--config', action=ActionConfigFile, help='YAML file of the keys below')
    parser.add_argument('--json', action='store_true', help='print the result as JSON only')
    switches = {field.name for field in dataclasses.fields(cls) if field.type in (bool, 'bool')}
    for name in sorted(switches):
        parser.add_argument(f'--{name}', action='store_true', help=_said_of(name, cls))
    parser.add_class_arguments(cls, skip=switches)
    return parser


def _said_of(name: str, cls: type) -> str:
    """Return what the docstrings of a class and its bases say of a field."""
    for each in cls.__mro__:
        for param in parse_docstring(each.__doc__ or '').params:
            if param.arg_name == name:
                return ' '.join((param.description or '').split()).replace('%', '%%')
    return ''


def parse(cls: type[T], verb: str, arguments: Sequence[str]) -> tuple[T, bool]:
    """
    Read a verb's arguments.

    :param arguments: what follows the verb; a first one without dashes is the YAML file, or, of
        a class that names a ``POSITIONAL``, the value of that key.
    :return: the dataclass, not yet checked across its fields, and whether JSON is wanted.
    :raises ConfigError: one sentence, naming the keys that are known for one that is not.
    """
    arguments = list(arguments)
    if arguments and not arguments[0].startswith('-'):
        key = getattr(cls, 'POSITIONAL', '')
        is_file = not key or arguments[0].endswith(_CONFIG_ENDINGS)
        arguments.insert(0, '--config' if is_file else f'--{key}')
    arguments = _bracket_lists(cls, [_underscored(argument) for argument in arguments])
    arguments = _without_empty_paths(cls, arguments)
    parser = make_parser(cls, verb, getattr(cls, 'EXAMPLES', ''))
    for flag, value in pairwise(arguments):
        if flag == '--config':
            _check_file(cls, Path(value))
    _check_flags(parser, arguments)
    try:
        settings = parser.instantiate(parser.parse_args(arguments))
        return _build(cls, settings), bool(settings.json)
    except (ArgumentError, ValueError) as error:
        raise ConfigError(f'{_first_line(error)}; see python -m training {verb} --help') from error


def from_plain(cls: type[T], content: Mapping[str, Any], where: str) -> T:
    """
    Build a dataclass from what JSON or YAML gave, as strictly as the command line does.

    :param where: the file, for messages.
    :raises ConfigError: naming the key.
    """
    _check_keys(cls, content, where)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(cls)
    try:
        return _build(cls, parser.instantiate(parser.parse_object(dict(content))))
    except (ArgumentError, ValueError) as error:
        raise ConfigError(f'{where}: {_first_line(error)}') from error


def _build(cls: type[T], settings: Namespace) -> T:
    names = [field.name for field in dataclasses.fields(cls)]  # type: ignore[arg-type]
    return cls(**{name: getattr(settings, name) for name in names})


def _check_file(cls: type, path: Path) -> None:
    if not path.is_file():
        raise ConfigError(f'no configuration at {path}: see training/configs/')
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8')) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f'{path} is not valid YAML: {_first_line(error)}') from error
    except OSError as error:
        raise ConfigError(f'{path} cannot be read: {error.strerror}') from error
    _check_keys(cls, content, str(path))


def _check_keys(cls: type, content: Any, where: str, prefix: str = '') -> None:
    """Refuse unknown keys at any depth; wrong values are left to the parser."""
    if not isinstance(content, Mapping):
        raise ConfigError(f'{where}: {prefix or "the file"} must hold keys and values')
    hints = typing.get_type_hints(cls)
    for key, value in content.items():
        if key not in hints:
            raise ConfigError(_unknown(f'{prefix}{key}', str(key), list(hints), where))
        inner = _nested(hints[key])
        if inner and isinstance(value, Mapping):
            _check_keys(inner, value, where, f'{prefix}{key}.')
        elif inner and isinstance(value, list):
            for index, item in enumerate(value):
                _check_keys(inner, item, where, f'{prefix}{key}[{index}].')
        elif inner and value is not None:
            raise ConfigError(f'{where}: {prefix}{key} must hold keys and values')


def _nested(hint: Any) -> type | None:
    for candidate in (hint, *typing.get_args(hint)):
        if dataclasses.is_dataclass(candidate):
            return typing.cast(type, candidate)
    return None


def _underscored(argument: str) -> str:
    """Let ``--lane-class`` be ``--lane_class``; values stay as they are."""
    if not argument.startswith('--'):
        return argument
    flag, equals, value = argument.partition('=')
    return '--' + flag[2:].replace('-', '_') + equals + value


def _bracket_lists(cls: type, arguments: Sequence[str]) -> list[str]:
    """Let lists be written ``--annotated background,road``, without brackets and quotes."""
    result = list(arguments)
    for position, (flag, value) in enumerate(pairwise(arguments)):
        if flag.startswith('--') and not value.startswith(('[', '-')):
            hint = _hint_of(cls, flag)
            if typing.get_origin(hint) is tuple:
                result[position + 1] = _as_list(hint, value)
    return result


def _without_empty_paths(cls: type, arguments: Sequence[str]) -> list[str]:
    """Let ``--report ''`` be none, where there may be none; as a path it would be this folder."""
    result = list(arguments)
    for position, (flag, value) in enumerate(pairwise(arguments)):
        if flag.startswith('--') and not value:
            hint = _hint_of(cls, flag)
            if hint is Path:
                raise ConfigError(f'{flag} is empty: name a file or a folder')
            if set(typing.get_args(hint)) == {Path, type(None)}:
                result[position + 1] = 'null'
    return result


def _hint_of(cls: type, flag: str) -> Any:
    """Return the type of the key that a flag sets; None for one that is not known."""
    hint: Any = cls
    for name in flag.removeprefix('--').split('.'):
        hints = typing.get_type_hints(hint) if dataclasses.is_dataclass(hint) else {}
        hint = hints.get(name)
    return hint


def _as_list(hint: Any, value: str) -> str:
    """Return a list as JSON has it; of data sets, a name alone stands for its path."""
    inner = _nested(hint)
    if inner and 'path' in typing.get_type_hints(inner) and not value.startswith('{'):
        return json.dumps([{'path': name} for name in value.split(',')])
    if typing.get_args(hint)[:1] == (str,):  # 100 is a text then, though no number needs quotes
        return json.dumps(value.split(','))
    return f'[{value}]'


def _check_flags(parser: ArgumentParser, arguments: Sequence[str]) -> None:
    known = [
        option.removeprefix('--') for action in parser._actions for option in action.option_strings
    ]
    for argument in arguments:
        if argument.startswith('--'):
            name = argument.removeprefix('--').split('=')[0].rstrip('+')
            if name not in known:
                group = name.rpartition('.')[0]
                near = [key for key in known if key.rpartition('.')[0] == group]
                raise ConfigError(_unknown(argument, name, near or known, 'command line'))


def _unknown(shown: str, key: str, known: Sequence[str], where: str) -> str:
    guess = difflib.get_close_matches(key, known, 1)
    hint = f'; did you mean {guess[0]}?' if guess else ''
    return f'{where}: unknown key {shown}; known are {", ".join(known)}{hint}'


def _first_line(error: Exception) -> str:
    text = ' '.join(str(error).split())[:300]
    if wrong := _WRONG_VALUE.match(text):
        key, kind, choices, value = wrong.groups()
        wanted = choices.replace("'", '') if choices else _KINDS.get(kind, kind)
        return f"{key} is '{value}': use {wanted}"
    return text
