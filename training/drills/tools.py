"""Tool-call drills in the Hermes form of Qwen2.5 and Qwen3: signatures in <tools>, answers in <tool_call>."""

from __future__ import annotations

import json
from random import Random

from training.drills.facts import WORDS
from training.drills.prompts import Message, Sample
from training.drills.talk import _lines

PREAMBLE = ("# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are provided with function signatures within <tools></tools> XML tags:\n<tools>\n{tools}\n</tools>\n\n"
            "For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n{{\"name\": <function-name>, \"arguments\": <args-json-object>}}\n</tool_call>")
# name | description zh | description en | parameter:value kind,... | requests zh | requests en | reply zh | reply en ({r} = result)
TOOLS = [line.split(" | ") for line in """get_weather | 查询城市天气 | Get the weather of a city | city:city | {city}天气怎么样/查一下{city}的天气/{city}今天下雨吗 | what is the weather in {city}/will it rain in {city}/weather for {city} please | {city}的天气：{r}。 | The weather in {city}: {r}.
get_time | 查询城市当前时间 | Get the current time of a city | city:city | {city}现在几点/查一下{city}的时间 | what time is it in {city}/tell me the time in {city} | {city}现在是{r}。 | It is {r} in {city}.
convert_currency | 货币换算 | Convert money between currencies | amount:int,to:cur | 把{amount}元换成{to}/{amount}元等于多少{to} | convert {amount} yuan to {to}/how much {to} is {amount} yuan | 结果是{r}。 | The result is {r}.
search_documents | 在知识库中搜索 | Search the knowledge base | query:topic | 在资料里搜索{query}/帮我查{query}的文档 | search the documents for {query}/look for {query} in my files | 找到{r}。 | I found {r}.
send_email | 发送邮件 | Send an e-mail | to:email,subject:topic | 给{to}发一封主题为{subject}的邮件/发邮件到{to}，主题是{subject} | send an e-mail to {to} about {subject} | 邮件已发送：{r}。 | The e-mail is sent: {r}.
set_alarm | 设置闹钟 | Set an alarm | time:clock | 帮我设一个{time}的闹钟/{time}叫我起床 | set an alarm for {time}/wake me at {time} | 闹钟已设好：{r}。 | The alarm is set: {r}.
add_event | 添加日程 | Add a calendar event | title:topic,date:date | 在{date}添加日程{title}/帮我记一下{date}要{title} | add {title} to my calendar on {date} | 日程已添加：{r}。 | Added to the calendar: {r}.
calculator | 计算数学表达式 | Evaluate an expression | expression:expr | 计算{expression}/{expression}等于多少/帮我算一下{expression} | calculate {expression}/what is {expression} | 结果是{r}。 | The result is {r}.
get_stock | 查询库存 | Look up the stock of a product | product:product | {product}还有多少库存/查一下{product}的库存 | how many {product} are in stock/check the stock of {product} | {product}的库存：{r}。 | Stock of {product}: {r}.
book_train | 预订火车票 | Book a train ticket | to:city,date:date | 订一张{date}去{to}的火车票/帮我买{date}到{to}的票 | book a train to {to} on {date} | 预订结果：{r}。 | Booking: {r}.
call_contact | 拨打电话 | Call a person | name:person | 给{name}打电话/拨打{name}的电话 | call {name}/please phone {name} | 正在拨打：{r}。 | Calling: {r}.
find_route | 规划路线 | Plan a route | start:city,end:city | 从{start}到{end}怎么走/规划{start}到{end}的路线 | how do I get from {start} to {end} | 路线：{r}。 | Route: {r}.
play_music | 播放音乐 | Play music by an artist | artist:person | 放一首{artist}的歌/播放{artist}的音乐 | play something by {artist} | 正在播放：{r}。 | Now playing: {r}.
translate | 翻译文本 | Translate a text | text:topic,target:lang | 把“{text}”翻译成{target} | translate "{text}" into {target} | 译文：{r} | Translation: {r}
order_status | 查询订单状态 | Check an order | order_id:code | 订单{order_id}到哪了/查订单{order_id}的状态 | where is order {order_id}/check order {order_id} | 订单状态：{r}。 | Order status: {r}.
take_note | 记录笔记 | Save a note | content:topic | 记一下{content}/帮我写个笔记：{content} | take a note: {content}/write down {content} | 已记录：{r}。 | Noted: {r}.""".splitlines()]
EXTRA = {"int": lambda r, zh: str(r.randint(1, 9999)), "cur": lambda r, zh: r.choice("美元 欧元 日元 英镑".split() if zh else "USD EUR JPY GBP".split()), "lang": lambda r, zh: r.choice("英语 日语 法语 德语".split() if zh else "French German Chinese Spanish".split()),
         "expr": lambda r, zh: f"{r.randint(1, 999)}{r.choice('+-*/')}{r.randint(1, 99)}" + r.choice(("", f"{r.choice('+-')}{r.randint(1, 99)}"))}


def _value(rng: Random, kind: str, lang: str) -> str:
    if kind in EXTRA:
        return EXTRA[kind](rng, lang == "zh")
    return (WORDS[lang].NAMES.get(kind) or WORDS[lang].VALUES[kind])(rng)


def _schema(rng: Random, tool: list[str], lang: str) -> str:
    names = [part.split(":")[0].strip() for part in tool[3].split(",")]
    kinds = [part.split(":")[1].strip() for part in tool[3].split(",")]
    properties = {name: {"type": "number" if kind == "int" else "string"} for name, kind in zip(names, kinds, strict=True)}
    return json.dumps({"type": "function", "function": {"name": tool[0], "description": tool[1 if lang == "zh" else 2], "parameters": {"type": "object", "properties": properties, "required": names}}}, ensure_ascii=False)


def call_text(name: str, arguments: dict[str, object]) -> str:
    return "<tool_call>\n" + json.dumps({"name": name, "arguments": arguments}, ensure_ascii=False) + "\n</tool_call>"


def tool_call(rng: Random, lang: str, held: bool = False) -> Sample:
    """Choose the right one of one to four tools and fill it in, answer from its result, or just talk."""
    pool = [t for t in TOOLS if (t[0] in ("order_status", "find_route")) == held] if held else [t for t in TOOLS if t[0] not in ("order_status", "find_route")]
    offered = rng.sample(pool, min(len(pool), rng.randint(1, 4)))
    tool = rng.choice(offered)
    own = rng.choice(("", "你是一个有用的助手。\n\n", "你是智能助理。\n\n") if lang == "zh" else ("", "You are a helpful assistant.\n\n"))
    messages: list[Message] = [{"role": "system", "content": own + PREAMBLE.format(tools="\n".join(_schema(rng, t, lang) for t in offered))}]
    if rng.random() < 0.2:
        user, reply = _lines(rng, lang)
        return Sample([*messages, {"role": "user", "content": user}, {"role": "assistant", "content": reply}], lang, "tools", "no_call")
    values: dict[str, str] = {}
    arguments: dict[str, object] = {}
    for part in tool[3].split(","):
        name, kind = (x.strip() for x in part.split(":"))
        values[name] = _value(rng, kind, lang)
        arguments[name] = int(values[name]) if kind == "int" else values[name]
    request = rng.choice(tool[4 if lang == "zh" else 5].split("/")).strip().format(**values)
    request = request + rng.choice(("", "？", "。")) if lang == "zh" else request[:1].upper() + request[1:] + rng.choice(("", "?", "."))
    text = call_text(tool[0], arguments)
    messages += [{"role": "user", "content": request}, {"role": "assistant", "content": text}]
    if rng.random() < 0.4:
        result = _value(rng, rng.choice(("temps", "clock", "price", "countitem", "durm")), lang)
        reply = tool[6 if lang == "zh" else 7].strip().format(r=result, **values)
        messages += [{"role": "user", "content": f"<tool_response>\n{json.dumps({'result': result}, ensure_ascii=False)}\n</tool_response>"}, {"role": "assistant", "content": reply}]
        return Sample(messages, lang, "tools", "tool_result", result)
    return Sample(messages, lang, "tools", "tool_call", text)
