"""Where programs that are installed already are found."""

from pathlib import Path

from dev.cluster.binaries import REQUIRED, installed_assets, locate


def _install(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch(mode=0o755)
    return folder


def test_the_newest_whole_set_that_envtest_installed_is_taken(tmp_path: Path) -> None:
    kept = tmp_path / ".local" / "share" / "kubebuilder-envtest" / "k8s"
    environ = {"HOME": str(tmp_path)}
    assert installed_assets(environ) is None
    _install(kept / "1.9.0-linux-amd64", *REQUIRED)
    newest = _install(kept / "1.33.0-linux-amd64", *REQUIRED)
    _install(kept / "1.34.0-linux-amd64", "etcd")
    assert installed_assets(environ) == newest
    said: list[str] = []
    assert locate(environ, said.append, least=True).command("etcd") == [str(newest / "etcd")]
    assert str(newest) in said[0]


def test_the_data_folder_can_be_elsewhere(tmp_path: Path) -> None:
    folder = _install(tmp_path / "kubebuilder-envtest" / "k8s" / "1.35.1-linux-amd64", *REQUIRED)
    assert installed_assets({"HOME": "/nonexistent", "XDG_DATA_HOME": str(tmp_path)}) == folder
