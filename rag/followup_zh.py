"""Chinese follow-up questions: which lack their subject, and what that is (see `followup`)."""

from __future__ import annotations

import re

from rag.followup_types import Topic

_OPENING = re.compile(
    r"^(?:(?:那么|那|然后|还有|另外|对了|请问|嗯|哦|好的|好|所以|但是|不过|再问一下|谢谢"
    r"|你?能告诉我|你知道|我想知道|我想问(?:一下)?)[，,、！!。 ]*)+(?!个|道|种|些|里|样)"
)
_TO_ASSISTANT = re.compile(
    r"^(?:你好|您好|嗨|早上好|晚上好|谢谢|多谢|再见|拜拜|哈哈|明白了|知道了|你是|你叫|你的|你会|你能|你可以|你有)"
    r"|^请?(?:帮我|给我|替我|为我|写|翻译|讲|唱|编|画)"
)
_AGAIN = re.compile(r"^(?:继续|接着说|然后呢|还有呢|再说一遍|再?(?:详细|具体)(?:一?点|说说)?)[吧呢？?。！!]*$")
_WHY = re.compile(r"^(?:为什么|为啥|为何|怎么会)(?:呢|啊)?[？?。]*$")

# Words that are a property or a part of something, never the thing asked about.
_ATTRIBUTE = (
    r"时间|火候|温度|用量|分量|份量|比例|热量|卡路里|营养|味道|口感|口味|颜色|做法|步骤|方法|材料|食材|配料|调料|原料|佐料|主料"
    r"|辅料|食谱|菜谱|窍门|技巧|诀窍|秘诀|要点|注意事项|难度|价格|费用|价钱|地址|位置|电话|号码|邮箱|网址|营业时间|名字|作者|日期"
    r"|剂量|副作用|禁忌|功效|作用|用法|效果|好处|坏处|优点|缺点|特点|区别|原因|结果|意思|定义|条件|要求|流程|手续|期限|有效期"
    r"|保质期|大小|尺寸|重量|长度|高度|面积|数量|人数|评分|评价|第[一二三四五六七八九十\d]+步|最后一步|下一步"
    r"|生抽|老抽|酱油|料酒|白糖|冰糖|红糖|淀粉|胡椒粉|八角|桂皮|香叶|花椒|辣椒|葱姜|葱花|生姜|大蒜|香油|食用油|黄酒|米酒"
    r"|味精|鸡精|蚝油"
)
_ATTRIBUTES = re.compile(rf"(?:{_ATTRIBUTE})+")
_PROPERTY_OF = re.compile(rf".{{2}}(?:{_ATTRIBUTE})$")
_BOUNDARY = (
    r"不?(?:要|需要|应该|应当|该|得|能|能够|可以|可不可以|能不能|要不要|会|会不会|用不用|需不需要)|怎么|怎样|如何|咋|多久|多少|多大|多长"
    r"|多高|多远|如果|要是|做(?=几|多少|给)|几|为什么|为啥|为何|是不是|是|有没有|有|的|里|中|上|放|加|用|换|大概|大约|一般|通常|最多|最少|什么|哪|谁|吗|呢|吧|啊"
    r"|需|[，,。？?！!；;：: ]"
)
_BEFORE = re.compile(rf"^(.{{2,20}}?)(?={_BOUNDARY}|$)")
_ASKING_VERBS = re.compile(
    r"^(?:请|麻烦)?(?:你|您)?(?:帮我|给我|教我|告诉我|教教我|我想知道|我想问|我想|我要|想|想要)?"
    r"(?:介绍(?:一下)?|讲(?:一下|讲)?|说(?:一下|说)?|查(?:一下)?"
    r"|解释(?:一下)?|推荐(?:一下)?|做|制作|学做|关于|有关|对于)?(?:一下|一道|一份|一个)?"
)
_HOW = re.compile(
    r"^(?:应该|该|要)?(?:怎么|怎样|如何|咋)(?:才能|才可以|去|来|能)?"
    r"(做|煮|炒|烧|蒸|炖|烤|炸|煎|腌|焖|煲|拌|包|换|改|用|使用|用|安装|设置|设定|打开|关闭|添加|加|删除|制作|清洗|洗|处理"
    r"|挑选|选择?|保存|储存|保管|申请|办理|联系|去|到|训练|启动|更换|修改|切换|导入|导出|上传|下载|备份|恢复)"
    r"(?:一个|一份|一道|一下|自己的|新的)?(.+?)(?:[？?。！!吗呢]|才|最|更|比较|$)"
)
_WHAT_IS = re.compile(r"^(?:什么是|何谓|啥是|谁是)(.+?)[？?。呢啊]*$")
_PRONOUN = re.compile(
    r"它们|它(?!们)|(?:这|那)(?:道菜|个菜|种菜|份菜|道汤|种药|个药|款产品|个产品|本书|个人|个地方|家店|个|种|款|道|本|位)"
    r"(?!月|星期|周|时候|小时|样子|问题|情况)|这菜|那菜|此菜|该药|该产品|(?<![其吉])[他她]们?(?!人)"
)
_POSSESSIVE = re.compile(r"(?<![与极尤])其(?!他|它|中|实|次|余|后)")
_THIS = re.compile(r"^[这那](?=是|要|能|可以|会|有|怎么|好|用|算|属于|对)")
_LEADING_THAT = re.compile(r"^(?:这|那)(?:样|么)")
_HOW_ABOUT = re.compile(r"^(.{1,14}?)呢(?:[？?！!。]*$|[，,]\s*(.+)$)")
_OK = re.compile(r"^(.{1,12}?)(?:也|还)?(?:可以|行|能行|成|好|对|合适)(?:吗|么|不|吧)[？?。]*$")
_CHANGE = re.compile(r"^(?:如果|要是|假如|若)?(?:换成|改成|换|改用|用|拿|没有|不用|不放|不加|加|放|多放|少放)")
_INSTEAD = re.compile(r"^(?:如果|要是|假如)?没有(?=的话|呢|[，,])")
# Verbs whose object is something put to the topic, not the topic.
_ADDING = re.compile(
    r"放|加|用|换|替|代替|替代|配|搭配|去掉|省|少|多|盖|撒|倒|淋|抹|拌|蘸|焯|腌|泡|切|打|冷冻|冷藏|保存|存|吃几|分几"
)
_OBJECT = re.compile(
    r"(?:放|加|用|(?:要|需要)(?![放加用]))(?:不放|多少|几[个克勺颗罐片根]|什么)?([\u4e00-\u9fff]{1,6}?)(?:吗|么|呢|[？?])"
)
# Questions for things of a kind, and sums: complete though they may name nothing.
_OPEN = re.compile(r"等于|换算|相当于|(?:有哪些|有什么|有没有|推荐|哪些|其他|其它|别的).*?[\u4e00-\u9fff]")
_AMOUNT_ASKED = re.compile(r"(?:放|加|用|要|需要|下)(?:多少|几[克勺颗个罐片根斤两毫])")
_NOUNS = ("n", "nr", "ns", "nt", "nz", "l", "i", "j", "nrt", "nrfg", "eng")
_GENERIC = frozenset(("时候", "东西", "人份", "方面", "问题", "情况", "小时", "分钟", "大火", "小火", "中火"))
_STARTS_BARE = re.compile(rf"^(?:{_BOUNDARY})")
# 盐放多少: one syllable is no topic.
_ONE_SYLLABLE = re.compile(r"^.(?:要|该|应该|需要|放|加|用|切|炒|煮|是|怎么|多少|几|可以|能)")


def resolve(question: str, topic: Topic) -> str:
    """`question` with the topic's subject where it lacks one of its own."""
    core = _OPENING.sub("", question).strip() or question
    subject = topic.subject
    if _AGAIN.match(core) or _AGAIN.match(question):
        return topic.asked or question
    if _WHY.match(core):
        return f"{topic.asked.rstrip('？?。！!')}，{core}" if topic.asked else f"{subject}{core}"
    if _TO_ASSISTANT.search(core):
        return question
    about = _HOW_ABOUT.match(core)
    if about and not _PRONOUN.search(about[1]) and about[1] not in ("这", "那", "这样", "那样"):
        return _how_about(about[1].strip(), about[2] or "", core, topic)
    for pattern, name in ((_PRONOUN, subject), (_POSSESSIVE, subject + "的"), (_THIS, subject)):
        if (found := pattern.search(core)) and not _LEADING_THAT.match(core):
            return core[: found.start()] + name + core[found.end() :]
    if _INSTEAD.match(core):
        thing = _OBJECT.search(topic.asked.replace(subject, "")) if topic.asked else None
        return f"{subject}{_INSTEAD.sub('没有' + (thing[1] if thing else ''), core)}"
    return question if _complete(core) else subject + core


def subject(question: str) -> str:
    """What a complete question is about: "做红烧肉要放多少冰糖？" gives 红烧肉; "" where that cannot be told."""
    core = _OPENING.sub("", question).strip()
    if found := _WHAT_IS.match(core):
        return found[1].strip()
    if found := _HOW.match(core):
        thing = re.split(rf"(?={_BOUNDARY})", found[2])[0].strip()
        return thing if _can_be_topic(thing) else ""
    found = _BEFORE.match(_ASKING_VERBS.sub("", core, count=1))
    return found[1].strip("《》“”\"' ") if found and _can_be_topic(found[1]) else ""


def _how_about(thing: str, rest: str, core: str, topic: Topic) -> str:
    """ "X呢？": another subject for the same question, or another detail of the same subject."""
    subject, asked = topic.subject, topic.asked
    predicate = asked.replace(subject, "", 1) if subject in asked else ""
    if _CHANGE.match(thing):
        return f"{subject}{thing}{predicate or '怎么样？'}"
    detail = len(thing) == 1 or _ATTRIBUTES.fullmatch(thing) is not None or thing in topic.answer
    if rest:
        return f"{subject}的{thing}{rest}" if detail or len(thing) < 3 else f"{thing}{rest}"
    if not detail:
        return asked.replace(subject, thing, 1) if predicate else core
    if _AMOUNT_ASKED.search(predicate):
        return f"{subject}要放多少{thing}？"
    return f"{subject}的{thing}{'是多少？' if '是多少' in predicate else '呢？'}"


def _complete(core: str) -> bool:
    """Whether a question names what it is about."""
    if how := _HOW.match(core):
        return bool(_nouns(how[2]))
    if _WHAT_IS.match(core):
        return True
    if ok := _OK.match(core):
        return len(ok[1]) > 6 and bool(_nouns(ok[1]))
    leading = None if _STARTS_BARE.match(core) else _BEFORE.match(core)
    if leading and _can_be_topic(leading[1]) and not _CHANGE.match(core):
        return True
    if _OPEN.search(core) and not _ATTRIBUTES.search(core):
        return True
    if _ONE_SYLLABLE.match(core) and not _STARTS_BARE.match(core):
        return False
    return bool(_nouns(core)) and not _ADDING.search(core)


def _can_be_topic(phrase: str) -> bool:
    """Whether a phrase names a thing: 退货期限 does, 期限 and 才好吃 do not."""
    return not _ATTRIBUTES.fullmatch(phrase) and bool(_nouns(phrase) or _PROPERTY_OF.search(phrase))


def _nouns(text: str) -> list[str]:
    """Nouns that can be a topic: of two syllables or more, no property, no common word."""
    import rjieba

    words = [word for word, tag in rjieba.tag(text) if tag in _NOUNS and len(word) > 1]
    return [word for word in words if word not in _GENERIC and not _ATTRIBUTES.fullmatch(word)]
