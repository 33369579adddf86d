"""FID's network: which file it accepts, and how images reach it. The real weights are not here."""

import hashlib
from urllib.error import URLError

import pytest
import torch
import torch_fidelity.feature_extractor_inceptionv3 as package

from vqlib.measure import InceptionFeatures, inception


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory):
    """A file of the right shape with random weights."""
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(package, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(
            package.FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None
        )
        net = package.FeatureExtractorInceptionV3("random", ["2048"])
    torch.save(net.state_dict(), path)
    return path, net


@pytest.fixture
def extractor(random_weights, monkeypatch):
    path, _ = random_weights
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(inception, "WEIGHTS_SHA256", found)
    return InceptionFeatures(path)


def test_features_are_those_of_the_package_on_eight_bits(extractor, random_weights):
    _, net = random_weights
    pixels = torch.randint(0, 256, (2, 3, 40, 50), dtype=torch.uint8)
    features = extractor.train()(pixels.float().div(127.5).sub(1))
    torch.testing.assert_close(features, net(pixels)[0], rtol=0, atol=0)
    assert features.shape == (2, extractor.dim)
    grey = pixels[:, :1]
    torch.testing.assert_close(
        extractor(grey.float().div(127.5).sub(1)), net(grey.expand(-1, 3, -1, -1))[0]
    )
    with pytest.raises(ValueError, match=r"expected \[-1, 1\]"):
        extractor(pixels.float())


def test_only_the_official_file_is_read(random_weights, tmp_path):
    path, _ = random_weights
    with pytest.raises(ValueError, match="SHA-256 begins with .*with 6726825d"):
        InceptionFeatures(path)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pth: no such file; .*https://"):
        InceptionFeatures(tmp_path / "nowhere.pth")
    assert InceptionFeatures.digest == inception.WEIGHTS_SHA256
    assert f"-{inception.WEIGHTS_SHA256[:8]}.pth" in inception.WEIGHTS_URL


class Planted:
    """Unpickling this would raise the alarm."""

    def __reduce__(self):
        return (pytest.fail, ("the file was unpickled",))


def test_even_a_file_with_the_right_hash_is_not_unpickled(tmp_path, monkeypatch):
    path = tmp_path / "weights.pth"
    torch.save({"weight": Planted()}, path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(inception, "WEIGHTS_SHA256", found)
    with pytest.raises(Exception, match="(?i)weights.only"):
        InceptionFeatures(path)


def test_the_download_is_checked_and_kept(random_weights, tmp_path, monkeypatch):
    path, _ = random_weights
    official = inception.WEIGHTS_SHA256
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(inception, "WEIGHTS_URL", path.as_uri())  # urllib opens files too
    with pytest.raises(OSError, match=r"could not download .*invalid hash value .*`weights`"):
        InceptionFeatures(progress=False)
    assert not list((tmp_path / "checkpoints").iterdir())

    found = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(inception, "WEIGHTS_SHA256", found)
    InceptionFeatures(progress=False)
    kept = tmp_path / "checkpoints" / path.name
    assert kept.is_file()

    def offline(*_):
        raise URLError("no network")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    InceptionFeatures(progress=False)  # from where it was kept
    monkeypatch.setattr(inception, "WEIGHTS_SHA256", official)
    with pytest.raises(ValueError, match="SHA-256"):  # a kept file is checked as well
        InceptionFeatures(progress=False)
    kept.unlink()
    with pytest.raises(OSError, match="no network.*pass it as `weights`"):
        InceptionFeatures(progress=False)
