"""The Fast DDS profile is used by itself, and never against the user's own."""

import os
import subprocess
import sys
import xml.etree.ElementTree

import pytest
from seg_node import dds_profile
from seg_node.share import shared_path


@pytest.mark.parametrize(
    ('rclpy_version', 'expected'),
    [
        ('7.1.6', (dds_profile.FAST_DDS_2,)),
        ('9.1.2', (dds_profile.FAST_DDS_3,)),
        ('unknown', (dds_profile.FAST_DDS_3, dds_profile.FAST_DDS_2)),
    ],
)
def test_the_variable_follows_the_release(monkeypatch, rclpy_version, expected) -> None:
    monkeypatch.setattr(dds_profile, 'version', lambda _: rclpy_version)
    assert dds_profile.profile_variables() == expected


@pytest.mark.parametrize('name', [dds_profile.FAST_DDS_2, dds_profile.FAST_DDS_3])
@pytest.mark.parametrize('own', ['/my/profile.xml', ''])
def test_the_users_own_profile_stays(monkeypatch, name: str, own: str) -> None:
    monkeypatch.delenv(dds_profile.FAST_DDS_2, raising=False)
    monkeypatch.delenv(dds_profile.FAST_DDS_3, raising=False)
    monkeypatch.setenv(name, own)
    dds_profile.use_large_images_profile()
    assert os.environ[name] == own
    assert dds_profile.profile_environment() == {}


def test_the_shipped_profile_is_read_without_a_complaint() -> None:
    pytest.importorskip('rclpy', reason='rclpy is not installed')
    profile = shared_path('config/fastdds_large_images.xml')
    xml.etree.ElementTree.parse(profile)
    environment = {
        **{key: value for key, value in os.environ.items() if 'PROFILES_FILE' not in key},
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
    }
    code = (
        'from seg_node.dds_profile import use_large_images_profile as use\n'
        'use()\n'
        'import rclpy\n'
        'rclpy.init(); rclpy.create_node("profile_reader"); rclpy.shutdown()\n'
    )
    done = subprocess.run(
        [sys.executable, '-c', code],
        env=environment, capture_output=True, text=True, cwd=profile.parents[1], check=True,
    )  # fmt: skip
    assert done.stderr == ''
    assert done.stdout == ''
