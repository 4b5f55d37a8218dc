"""What the user is told when a model cannot be had: what happened, what it means, what to do."""

from __future__ import annotations

from llm.errors import DownloadError, LlmError, ModelNotFoundError, RemoteCodeError

HUB_NAMES = {"huggingface": "Hugging Face", "modelscope": "ModelScope", "openxlab": "OpenXLab"}
_TOKENS = {
    "huggingface": (
        "open its page, accept the terms, make a token at https://huggingface.co/settings/tokens and set HF_TOKEN",
        "在模型页面接受其条款，到 https://huggingface.co/settings/tokens 创建令牌，并设置 HF_TOKEN",
    ),
    "modelscope": (
        "make a token at https://modelscope.cn/my/myaccesstoken and set MODELSCOPE_API_TOKEN",
        "到 https://modelscope.cn/my/myaccesstoken 创建令牌，并设置 MODELSCOPE_API_TOKEN",
    ),
    "openxlab": (
        "make an access key at https://sso.openxlab.org.cn/usercenter and set OPENXLAB_AK and OPENXLAB_SK",
        "到 https://sso.openxlab.org.cn/usercenter 创建访问密钥，并设置 OPENXLAB_AK 和 OPENXLAB_SK",
    ),
}


def _other_ways(source: str) -> tuple[str, str]:
    others = [name for name in HUB_NAMES if name != source]
    return (
        f"Three other ways: another source (--source {others[0]} or {others[1]}); a folder with the model, copied from "
        "a machine that has it (--model FOLDER); or the base that comes with the application (--model embedded).",
        f"另有三种办法：换一个来源（--source {others[0]} 或 {others[1]}）；从别的机器复制模型文件夹（--model 文件夹）；"
        "或使用应用自带的基座（--model embedded）。",
    )


def unreachable(source: str, repository: str, reason: str, offline: bool) -> DownloadError:
    """The hub did not answer, or kept failing."""
    hub, (en, zh) = HUB_NAMES[source], _other_ways(source)
    if offline:
        return DownloadError(
            en=f"{hub} cannot be reached from here, so {repository} was not downloaded ({reason}). Check the network, "
            f"a proxy (HTTPS_PROXY) or the hub's address. {en}",
            zh=f"无法连接 {hub}，因此没有下载 {repository}（{reason}）。"
            f"请检查网络、代理（HTTPS_PROXY）或站点地址。{zh}",
        )
    return DownloadError(
        en=f"The download of {repository} from {hub} kept breaking off ({reason}). What arrived is kept: start it "
        f"again to go on from there. {en}",
        zh=f"从 {hub} 下载 {repository} 反复中断（{reason}）。已下载的部分会保留：再次开始即可继续。{zh}",
    )


def refused(source: str, repository: str, status: int, what: str) -> LlmError:
    """The hub answered with a 4xx status."""
    hub, (token_en, token_zh) = HUB_NAMES[source], _TOKENS[source]
    if status in (401, 403):
        return DownloadError(
            en=f"{hub} refused {repository} (HTTP {status}, {what}): the model is gated or private, or does not exist. "
            f"If you may use it, {token_en}; otherwise choose another model or source.",
            zh=f"{hub} 拒绝提供 {repository}（HTTP {status}，{what}）：该模型需要授权、是私有的，或者不存在。"
            f"如果您有权使用，请{token_zh}；否则请换一个模型或来源。",
        )
    if status == 404:
        return ModelNotFoundError(
            en=f"{hub} has no {repository} (HTTP 404, {what}). Check the spelling owner/name and the revision, or "
            "choose another source.",
            zh=f"{hub} 上没有 {repository}（HTTP 404，{what}）。请检查“所有者/名称”的拼写和版本，或换一个来源。",
        )
    return DownloadError(
        en=f"{hub} refused the request for {repository} (HTTP {status}, {what}). Try another source, or later.",
        zh=f"{hub} 拒绝了对 {repository} 的请求（HTTP {status}，{what}）。请换一个来源，或稍后再试。",
    )


def wrong_content(source: str, url: str) -> DownloadError:
    """The hub's API answered with something that is not its own format: often a login page of a network."""
    hub = HUB_NAMES[source]
    return DownloadError(
        en=f"{url} did not answer like {hub}: perhaps a proxy or a network's login page stands in between, or the "
        "address is wrong. Open the address in a browser, or choose another source.",
        zh=f"{url} 的回答不像 {hub}：可能中间有代理或网络登录页，或者地址有误。请用浏览器打开该地址，或换一个来源。",
    )


def hub_complaint(source: str, repository: str, complaint: str) -> DownloadError:
    """The hub answered with an error of its own in a successful response."""
    hub, (token_en, token_zh) = HUB_NAMES[source], _TOKENS[source]
    return DownloadError(
        en=f'{hub} did not give {repository}: "{complaint}". Check the name; if the hub wants to know who you are, '
        f"{token_en}; or choose another source.",
        zh=f"{hub} 没有提供 {repository}：“{complaint}”。请检查名称；如果站点需要登录，请{token_zh}；或换一个来源。",
    )


def not_a_name(name: str) -> ModelNotFoundError:
    """Neither a folder nor a preset nor owner/name."""
    return ModelNotFoundError(
        en=f'There is no model "{name}": no such folder, no preset of this name, and it is not "owner/name" of a hub. '
        "List the presets with: python app.py models.",
        zh=f"没有名为“{name}”的模型：没有这个文件夹，没有这个预设，也不是站点上的“所有者/名称”。"
        "可用 python app.py models 列出预设。",
    )


def not_a_checkpoint(folder: str, adapter: bool) -> ModelNotFoundError:
    """A folder without config.json."""
    return ModelNotFoundError(
        en=f"{folder} has no config.json, so it is not a base model"
        + ("; it is an adapter. Import it in the adapters tab." if adapter else ". Choose the folder that has one."),
        zh=f"{folder} 中没有 config.json，不是基座模型"
        + ("；它是一个适配器。请在适配器页导入。" if adapter else "。请选择含有该文件的文件夹。"),
    )


def remote_code(name: str, files: str) -> RemoteCodeError:
    """The checkpoint needs its own Python code and the user has not allowed it."""
    return RemoteCodeError(
        en=f"{name} loads only by running Python code that its authors put beside the weights ({files}). That code "
        "runs with all your rights: it can read, change and send any file of yours. If you trust it, start again with "
        "--trust-remote-code; otherwise choose another model.",
        zh=f"{name} 只有运行作者随权重提供的 Python 代码（{files}）才能加载。这些代码拥有您的全部权限："
        "可以读取、修改和发送您的任何文件。如果您信任它，请加上 --trust-remote-code 重新启动；否则请换一个模型。",
    )


def not_on_this_hub(name: str, source: str, elsewhere: list[str]) -> ModelNotFoundError:
    """The preset has no repository on this hub."""
    hub, others = HUB_NAMES[source], ", ".join(elsewhere)
    return ModelNotFoundError(
        en=f"{hub} has no known repository of {name}; these have: {others}. Start again with --source {elsewhere[0]}.",
        zh=f"{hub} 上没有已知的 {name} 仓库；这些来源有：{others}。请用 --source {elsewhere[0]} 重新启动。",
    )
