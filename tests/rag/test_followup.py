"""Follow-ups get their subject, complete questions stay as they are."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.followup import resolve
from rag.followup_en import subject as subject_en
from rag.followup_zh import subject as subject_zh

PORK = [
    HumanMessage("红烧肉要放多少冰糖？"),
    AIMessage("放35克冰糖，再加少许盐。[1]", additional_kwargs={"sources": ["红烧肉", "东坡肉"]}),
]
CRUMBLE = [
    HumanMessage("How much sugar goes into the apple crumble?"),
    AIMessage("It takes 70 g of sugar. [1]", additional_kwargs={"sources": ["Apple Crumble", "Scones"]}),
]
REFUND: list[BaseMessage] = [HumanMessage("张三的电话是多少？"), AIMessage("是 010-1234。")]


@pytest.mark.parametrize(
    ("history", "question", "complete"),
    [
        (PORK, "那要炖多久？", "红烧肉要炖多久？"),
        (PORK, "要炖多久", "红烧肉要炖多久"),
        (PORK, "它可以冷冻吗", "红烧肉可以冷冻吗"),
        (PORK, "这道菜难吗？", "红烧肉难吗？"),
        (PORK, "这个要多久", "红烧肉要多久"),
        (PORK, "盐呢？", "红烧肉要放多少盐？"),
        (PORK, "那糖醋排骨呢？", "糖醋排骨要放多少冰糖？"),
        (PORK, "酱油放多少？", "红烧肉酱油放多少？"),
        (PORK, "水要加多少", "红烧肉水要加多少"),
        (PORK, "用什么肉？", "红烧肉用什么肉？"),
        (PORK, "怎么保存？", "红烧肉怎么保存？"),
        (PORK, "怎么做才好吃", "红烧肉怎么做才好吃"),
        (PORK, "能用微波炉吗", "红烧肉能用微波炉吗"),
        (PORK, "冷冻可以吗？", "红烧肉冷冻可以吗？"),
        (PORK, "为什么要焯水？", "红烧肉为什么要焯水？"),
        (PORK, "需要哪些材料", "红烧肉需要哪些材料"),
        (PORK, "几个人吃的", "红烧肉几个人吃的"),
        (PORK, "热量高吗", "红烧肉热量高吗"),
        (PORK, "可以不放糖吗", "红烧肉可以不放糖吗"),
        (PORK, "那换成高压锅呢？", "红烧肉换成高压锅要放多少冰糖？"),
        (PORK, "没有的话用什么代替？", "红烧肉没有冰糖的话用什么代替？"),
        (PORK, "第一步是什么", "红烧肉第一步是什么"),
        (PORK, "详细一点", "红烧肉要放多少冰糖？"),
        (REFUND, "他在哪个部门？", "张三在哪个部门？"),
        (REFUND, "地址呢？", "张三的地址是多少？"),
        (CRUMBLE, "how long then?", "How long for Apple Crumble?"),
        (CRUMBLE, "and the salt?", "How much salt for Apple Crumble?"),
        (CRUMBLE, "Can it be frozen?", "Can Apple Crumble be frozen?"),
        (CRUMBLE, "What are its ingredients?", "What are Apple Crumble's ingredients?"),
        (CRUMBLE, "Does that freeze well?", "Does Apple Crumble freeze well?"),
        (CRUMBLE, "How long does it take to bake?", "How long does Apple Crumble take to bake?"),
        (CRUMBLE, "What temperature?", "What temperature for Apple Crumble?"),
        (CRUMBLE, "Can I use pears instead?", "Can I use pears instead for Apple Crumble?"),
        (CRUMBLE, "What about scones?", "How much sugar goes into the scones?"),
        (CRUMBLE, "And the topping, how long does it keep?", "The topping for Apple Crumble, how long does it keep?"),
        (CRUMBLE, "Can I make this dish without an oven?", "Can I make Apple Crumble without an oven?"),
    ],
)
def test_follow_ups_get_their_subject(history: list[BaseMessage], question: str, complete: str) -> None:
    assert resolve(question, history) == complete
    assert resolve(question, []) == question, "nothing came before, nothing is added"


@pytest.mark.parametrize(
    "question",
    [
        "糖醋排骨怎么做？",
        "怎么做糖醋排骨",
        "那红烧肉可以冷冻吗？",
        "米饭要放多少水？",
        "鸡蛋怎么煮才嫩？",
        "今天天气怎么样",
        "法国的首都是哪里？",
        "什么是LoRA？",
        "为什么天空是蓝色的？",
        "谁写了《红楼梦》？",
        "推荐几道川菜",
        "有哪些汤？",
        "其他菜有哪些？",
        "怎么换一个基座？",
        "一斤等于多少克？",
        "北京有哪些好玩的地方？",
        "这个月有什么节日",
        "退货期限是几天？",
        "给我讲个笑话",
        "帮我写一首诗",
        "你是谁？",
        "你好",
        "谢谢",
        "😀",
        "",
    ],
)
def test_complete_chinese_questions_stay(question: str) -> None:
    assert resolve(question, PORK) == question


@pytest.mark.parametrize(
    "question",
    [
        "How do I make scones?",
        "What is LoRA?",
        "Who is Ada Lovelace?",
        "What is the capital of France?",
        "Is it safe to eat raw chicken?",
        "How long does it take to boil an egg?",
        "How long does tomato soup need in a slow cooker?",
        "What goes into a paella?",
        "Can apple crumble be frozen?",
        "Is that right?",
        "thanks",
        "Who are you?",
        "كيف حالك",
    ],
)
def test_complete_english_questions_stay(question: str) -> None:
    assert resolve(question, CRUMBLE) == question


def test_the_topic_moves_with_the_conversation() -> None:
    history: list[BaseMessage] = [
        *PORK,
        HumanMessage("那糖醋排骨呢？"),
        AIMessage("40克。[1]", additional_kwargs={"sources": ["糖醋排骨"]}),
        HumanMessage("要焖多久？"),
        AIMessage("35分钟。[1]", additional_kwargs={"sources": ["糖醋排骨", "红烧肉"]}),
    ]
    assert resolve("可以冷冻吗？", history) == "糖醋排骨可以冷冻吗？"
    history += [HumanMessage("How do I make scones?"), AIMessage("Rub in the butter.")]
    assert resolve("How long do they bake?", history) == "How long do scones bake?"


def test_small_talk_does_not_lose_the_topic() -> None:
    assert resolve("那要炖多久？", [*PORK, HumanMessage("谢谢"), AIMessage("不客气")]) == "红烧肉要炖多久？"


def test_the_documents_name_wins_over_the_users() -> None:
    asked = HumanMessage("炸酱面要放多少肉？")
    with_title = AIMessage("300克。", additional_kwargs={"sources": ["扬州炒饭", "老北京炸酱面"]})
    assert resolve("要炒多久？", [asked, with_title]) == "老北京炸酱面要炒多久？"
    unrelated = AIMessage("300克。", additional_kwargs={"sources": ["扬州炒饭"]})
    assert resolve("要炒多久？", [asked, unrelated]) == "炸酱面要炒多久？"
    odd = AIMessage("300克。", additional_kwargs={"sources": [None, "", 3]})
    assert resolve("要炒多久？", [asked, odd]) == "炸酱面要炒多久？"


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("做红烧肉要放多少冰糖？", "红烧肉"),
        ("红烧肉怎么做", "红烧肉"),
        ("怎么做红烧肉？", "红烧肉"),
        ("清炖狮子头是几人份的？", "清炖狮子头"),
        ("什么是LoRA", "LoRA"),
        ("介绍一下故宫", "故宫"),
        ("退货期限是几天", "退货期限"),
        ("要炖多久？", ""),
        ("时间多长？", ""),
    ],
)
def test_chinese_subjects(question: str, name: str) -> None:
    assert subject_zh(question) == name


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("How long does shepherd's pie bake?", "shepherd's pie"),
        ("At what temperature does the roast chicken start?", "roast chicken"),
        ("How many lentils do I need for lentil dal?", "lentil dal"),
        ("Which cut of beef goes into the stew with dumplings?", "stew with dumplings"),
        ("How do I make an apple crumble?", "apple crumble"),
        ("Who is Ada Lovelace?", "Ada Lovelace"),
        ("thanks", ""),
    ],
)
def test_english_subjects(question: str, name: str) -> None:
    assert subject_en(question) == name
