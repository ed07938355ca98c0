"""Accuracy over latency: which models nothing else beats in both."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seg_node.atomic_files import replacing

#: Of the names beside the points, in printer's points above them; used in turn.
_HEIGHTS = (24, -36, 56, -68)


def on_front(points: Sequence[tuple[float, float]]) -> list[bool]:
    """
    Return which points no other beats: none is as fast and better, or faster and as good.

    :param points: latency (less is better) and accuracy (more is better) of each.
    """
    return [
        not any(
            other != point and other[0] <= point[0] and other[1] >= point[1] for other in points
        )
        for point in points
    ]


def mark_fronts(cases: Sequence[dict[str, Any]]) -> None:
    """Put ``on_front`` into the accuracy of each case, for each set with lane markings."""
    for place in range(len(cases[0]['accuracy']) if cases else 0):
        judged = [case for case in cases if 'lane_iou' in case['accuracy'][place]]
        front = on_front([_point(case, place) for case in judged])
        for case, best in zip(judged, front, strict=True):
            case['accuracy'][place]['on_front'] = best


def _point(case: Mapping[str, Any], place: int) -> tuple[float, float]:
    return case['segment_ms']['p50'], case['accuracy'][place]['lane_iou']


def draw(cases: Sequence[Mapping[str, Any]], path: Path) -> Path | None:
    """
    Draw lane IoU over latency with the Pareto front, a panel for each set.

    :return: the picture; None when no set judges lane markings.
    """
    from matplotlib.figure import Figure

    places = [
        place
        for place, found in enumerate(cases[0]['accuracy'] if cases else ())
        if any('lane_iou' in case['accuracy'][place] for case in cases) and found
    ]
    if not places:
        return None
    figure = Figure(figsize=(6.4 * len(places), 5.2), layout='constrained')
    panels = figure.subplots(1, len(places), squeeze=False)[0]
    models = list(dict.fromkeys(case['model'] for case in cases))
    for panel, place in zip(panels, places, strict=True):
        _draw_set(panel, cases, place, models)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc='outside lower center', ncols=3, fontsize='small')
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
    return path


def _draw_set(
    panel: Any, cases: Sequence[Mapping[str, Any]], place: int, models: Sequence[str]
) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    judged = [case for case in cases if 'lane_iou' in case['accuracy'][place]]
    front = sorted(_point(case, place) for case in judged if case['accuracy'][place]['on_front'])
    slowest = max(_point(case, place)[0] for case in judged)
    x, y = zip(*front, (slowest * 1.3, front[-1][1]), strict=True)
    panel.step(x, y, where='post', color='tab:gray', linewidth=1.6, label='Pareto front')
    for model in models:
        own = [case for case in judged if case['model'] == model]
        if not own:
            continue
        points = [_point(case, place) for case in own]
        ends = [case['accuracy'][place]['intervals'].get('lane_iou') for case in own]
        below = [max(0.0, p[1] - e[0]) if e else 0.0 for p, e in zip(points, ends, strict=True)]
        above = [max(0.0, e[1] - p[1]) if e else 0.0 for p, e in zip(points, ends, strict=True)]
        x, y = zip(*points, strict=True)
        color = f'C{models.index(model)}'
        panel.errorbar(x, y, (below, above), fmt='none', color=color, alpha=0.35)
        panel.plot(x, y, 'o', color=color, label=model)
    _name_points(panel, judged, place)
    panel.set(
        xscale='log', xlabel='picture in, mask out: p50, ms', ylabel='lane IoU',
        title=judged[0]['accuracy'][place]['set'],
    )  # fmt: skip
    panel.margins(x=0.15)
    panel.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    panel.xaxis.set_major_formatter('{x:g}')
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.grid(alpha=0.3, which='both')


def _name_points(panel: Any, judged: Sequence[Mapping[str, Any]], place: int) -> None:
    """Write what each point is, neighbours above each other so that both can be read."""
    ordered = sorted(judged, key=lambda case: _point(case, place))
    for index, case in enumerate(ordered):
        panel.annotate(
            f'{case["engine"]} {case["precision"]}\n{_setting(case)}', _point(case, place),
            (4, _HEIGHTS[index % len(_HEIGHTS)]), textcoords='offset points', fontsize='x-small',
            arrowprops={'arrowstyle': '-', 'color': 'tab:gray', 'alpha': 0.5},
        )  # fmt: skip


def _setting(case: Mapping[str, Any]) -> str:
    return f'{case["width"]}x{case["height"]}, {case["threads"]}T'
