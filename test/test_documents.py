"""What the documents point to is there, and the version stands once."""

from pathlib import Path
import re
import xml.etree.ElementTree

import pytest
import seg_node

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *sorted((ROOT / 'docs').glob('*.md'))]


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    links = re.findall(r'\]\(([^)#:]+)\)', document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_no_figure_is_left_open() -> None:
    assert 'TO MEASURE' not in (ROOT / 'docs' / 'performance.md').read_text()


def test_the_readme_names_every_parameter_and_cause() -> None:
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    from dataclasses import fields

    from seg_node.parameters import NodeParameters

    text = (ROOT / 'README.md').read_text()
    assert [item.name for item in fields(NodeParameters) if f'`{item.name}`' not in text] == []
    causes = re.findall(
        r"Finding\(\s*[^,]+,\s*'(\w+)'", (ROOT / 'seg_node' / 'health.py').read_text()
    )
    assert len(causes) > 8
    assert [cause for cause in causes if cause != 'ok' and f'`{cause}`' not in text] == []


def test_the_version_is_the_same_everywhere() -> None:
    package = xml.etree.ElementTree.parse(ROOT / 'package.xml').getroot()
    assert package.findtext('version') == seg_node.__version__
    assert f"version='{seg_node.__version__}'" in (ROOT / 'setup.py').read_text()
