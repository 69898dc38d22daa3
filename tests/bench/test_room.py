import psutil
import pytest

from domicile.bench.errors import CannotMeasure
from domicile.bench.makes import Make
from domicile.bench.room import check_room


def test_what_fits_is_measured(tmp_path):
    check_room(tmp_path, 1000, list(Make))


def test_what_does_not_fit_is_one_clear_line_before_anything_starts(tmp_path):
    too_many = psutil.virtual_memory().total // 300
    with pytest.raises(CannotMeasure, match=r"in knot, nsd take about .* of memory"):
        check_room(tmp_path, too_many, [Make.NSD, Make.KNOT])
    with pytest.raises(CannotMeasure, match="a roomier folder by TMPDIR"):
        check_room(tmp_path, 10**12, [Make.FLOOR])
