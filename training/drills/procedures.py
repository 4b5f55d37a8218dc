"""Invented manual pages: one to three procedures of a few steps each, one of which is asked about."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from training.drills import words_zh
from training.drills.pools import words
from training.drills.recipes import Guide
from training.drills.templates import name_maker

DO_ZH = words(
    "更换滤芯 重置密码 连接无线网络 导出数据 清洁机身 添加成员 申请发票 预约上门 取消订单 升级固件 绑定手机 "
    "设置闹钟 备份文件 修改头像 办理退款 更换电池 打印文件 开通会员 注销账号 恢复出厂设置 校准屏幕 提交报销 "
    "申请请假 借用会议室 挂失门禁卡 预约挂号 续借图书 更换墨盒 录入指纹 共享日历"
)
ACT_ZH = (
    "打开{a}，进入“{b}”页面。",
    "点击右上角的“{b}”按钮。",
    "长按{c}键{n}秒，直到{d}。",
    "在{a}中选择“{b}”。",
    "输入{x}，然后确认。",
    "等待约{n}分钟，{d}后继续。",
    "关闭电源，拔下插头。",
    "取下{p}，用清水冲洗。",
    "将新的{p}装回原位。",
    "填写{f}并上传{x}。",
    "把{f}交给{w}签字。",
    "核对信息无误后点击“{b}”。",
    "凭{x}到{w}处领取。",
    "按下{c}键，{d}即完成。",
    "扫描二维码，登录{a}。",
    "收到短信后输入{n}位验证码。",
)
BITS_ZH = {
    "a": "设置 主菜单 应用 控制面板 后台 个人中心 系统 网页端",
    "b": "账户管理 高级选项 更多 下一步 提交 确认 导出 安全中心 新建 保存",
    "c": "电源 复位 功能 菜单 确认 模式",
    "d": "指示灯闪烁 蜂鸣器响两声 屏幕变暗 绿灯常亮 进度条走完 听到提示音",
    "x": "身份证号 订单编号 新密码 手机号 发票 设备序列号 工号 收据",
    "p": "后盖 滤网 水箱 面板 电池 墨盒 刷头",
    "f": "申请表 登记表 审批单 退款单 借用单",
    "w": "部门经理 前台 财务 管理员 班主任 值班人员",
}
DO_EN = [
    "change the filter",
    "reset the password",
    "connect to Wi-Fi",
    "export data",
    "clean the unit",
    "add a member",
    "request an invoice",
    "cancel an order",
    "update the firmware",
    "set an alarm",
    "back up files",
    "get a refund",
    "replace the battery",
    "print a document",
    "close the account",
    "calibrate the screen",
    "claim expenses",
    "ask for leave",
    "book a room",
    "report a lost card",
    "renew a book",
    "register a fingerprint",
    "share a calendar",
]
ACT_EN = (
    'Open {a} and choose "{b}".',
    'Tap "{b}" at the top right.',
    "Hold the {c} button for {n} seconds until {d}.",
    "Enter {x} and confirm.",
    "Wait about {n} minutes until {d}.",
    "Switch off the power and pull the plug.",
    "Take out the {p} and rinse it.",
    "Put the new {p} in place.",
    "Fill in {f} and attach {x}.",
    "Have {f} signed by {w}.",
    'Check the details and press "{b}".',
    "Show {x} to {w}.",
    "Press {c} once; {d}.",
)
BITS_EN = {
    "a": "Settings/the main menu/the app/the control panel/your profile",
    "b": "Account/Advanced/More/Next/Submit/Export/Security/New/Save",
    "c": "power/reset/function/menu/mode",
    "d": "the light flashes/it beeps twice/the screen goes dark/the green light stays on/the bar is full",
    "x": (
        "your passport number/the order number/a new password/your phone number/the invoice/the serial number/"
        "your staff number"
    ),
    "p": "back cover/filter/tank/panel/battery/cartridge/brush",
    "f": "the request form/the refund form/the loan form",
    "w": "the manager/the front desk/the finance office/the administrator",
}


def procedure(rng: Random, lang: str) -> Guide:
    """A manual page with one to three procedures, one of which is asked about."""
    zh = lang == "zh"
    bits = BITS_ZH if zh else BITS_EN
    owner = name_maker(rng.choice(("device", "app", "company", "app", "device")), lang)(rng)
    blocks = []
    for do in rng.sample(DO_ZH if zh else DO_EN, rng.randint(1, 3)):
        lines = []
        for act in rng.sample(ACT_ZH if zh else ACT_EN, rng.randint(2, 6)):
            for key, options in bits.items():
                act = act.replace("{" + key + "}", rng.choice(words(options)))
            lines.append(act.replace("{n}", str(rng.randint(2, 30))))
        mark = (
            rng.choice(("{}. {}", "{}、{}", "第{}步：{}", "（{}）{}")) if zh else rng.choice(("{}. {}", "Step {}: {}"))
        )
        sep = "\n" if rng.random() < 0.75 else ("" if zh else " ")
        steps = (
            sep.join(mark.format(i, line) for i, line in enumerate(lines, 1))
            if rng.random() < 0.75
            else sep.join(lines)
        )
        blocks.append((do, steps, lines))
    do, steps, lines = rng.choice(blocks)
    heads = ("{}", "如何{}", "{}的方法", "怎样{}", "{}步骤") if zh else ("How to {}", "To {}", "{}")
    mark = rng.choice(("", "## ", "### "))
    body = "\n\n".join(
        f"{mark}{h[:1].upper() + h[1:]}\n{s}" for d, s, _ in blocks for h in [rng.choice(heads).format(d)]
    )
    guide = Guide(
        do,
        (owner[:1].upper() + owner[1:])
        + rng.choice(("使用手册", "帮助中心", "操作指南", "") if zh else (" manual", " help", " guide", "")),
        body,
        steps,
    )
    guide.asks = (
        [
            f"怎么{do}",
            f"如何{do}",
            f"{owner}怎么{do}",
            f"{do}的步骤是什么",
            f"{owner}如何{do}",
            f"要{do}该怎么操作",
            f"{do}怎么弄",
            f"怎样在{owner}上{do}",
        ]
        if zh
        else [
            f"how do I {do}",
            f"how can I {do} with {owner}",
            f"what are the steps to {do}",
            f"how to {do}",
            f"I want to {do}, what do I do",
        ]
    )
    if len(blocks) > 1 or rng.random() < 0.5:
        for i, (here, after) in enumerate(pairwise(lines)):
            if zh and rng.random() < 0.5:
                guide.facts.append((f"{do}时，{here.rstrip('。')}之后做什么", after))
            guide.facts.append(
                (f"{do}的第{words_zh.CN[i + 1]}步是什么" if zh else f"what is step {i + 1} to {do}", here)
            )
    done = {d for d, _, _ in blocks}
    for other in rng.sample(DO_ZH if zh else DO_EN, 3):
        if other not in done:
            guide.missing += [f"怎么{other}", f"{owner}如何{other}"] if zh else [f"how do I {other}"]
    return guide
