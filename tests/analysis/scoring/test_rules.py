"""The five questions by rules, on small cards in many languages that answer a question or not."""

from __future__ import annotations

import pytest

from analysis.scoring.rules import find_all_evidence

NOTHING = ""
CARDS = [
    # description
    ("Owl is a small language model for Welsh poetry.", "d"),
    ("# Owl\n\nDieses Modell ist ein Sprachmodell für walisische Gedichte.", "d"),
    ("# 猫头鹰\n\n这是一个用于威尔士语诗歌的小型语言模型。", "d"),
    ("# フクロウ\n\nこれはウェールズ語の詩のための言語モデルです。", "d"),
    ("# Сова\n\nЭто языковая модель для валлийской поэзии и коротких рассказов.", "d"),  # noqa: RUF001
    ("# Hibou\n\nCe dépôt contient un modèle de langue pour la poésie galloise.", "d"),
    ("# 올빼미\n\n이것은 웨일스어 시를 위한 작은 언어 모델입니다.", "d"),
    ("# البومة\n\nهذا نموذج لغوي صغير للشعر الويلزي القديم.", "d"),  # noqa: RUF001
    ("# Burung Hantu\n\nIni adalah model bahasa kecil untuk puisi Wales.", "d"),
    ("- model type: transformer\n- language: Welsh\n- base model: owl-base", "d"),
    ("# Owl", NOTHING),
    ("# The Great Grey Owl Model", NOTHING),
    ("Our tea gives you strength and a quiet mind. Order now, the offer ends soon!", NOTHING),
    ("## Model description\n\nMore information needed\n", NOTHING),
    ("## Model description\n\n<!-- This is a language model for Welsh. -->\n", NOTHING),
    ("---\nlicense: mit\nlanguage: cy\n---\n", NOTHING),
    ("---\ntags:\n- a model that is a language model\n---\n# Owl", NOTHING),
    ("Welsh pipeline optimized for CPU. Components: tagger, parser.", "d"),
    ("# A small language model for Welsh poetry", "d"),
    ("# 一个在威尔士语语料上训练得到的小型语言模型", "dt"),
    ("#the grey owl model", NOTHING),
    ("Create your own image classifier with the demo on our page.", NOTHING),
    ("More information about the models is available on our page.", NOTHING),
    ("# Amazing!\n\nCongratulations on hosting your fastai model on the Hub!", NOTHING),
    # limitations
    ("## Limitations\n\nIt knows nothing of events after 2020.", "l"),
    ("## Limitations and bias\n\n[More Information Needed]", NOTHING),
    ("## Bias, Risks, and Limitations\n\nTODO", NOTHING),
    ("## 局限性\n\n它对二零二零年之后的事件一无所知，请谨慎对待。", "l"),  # noqa: RUF001
    ("## Ограничения\n\nОна ничего не знает о событиях после этого года.", "l"),  # noqa: RUF001
    ("## Einschränkungen\n\nEs kennt keine Ereignisse nach dem Jahr 2020.", "l"),
    ("## Limitaciones\n\nNo conoce ningún acontecimiento posterior a ese año.", "l"),
    ("**Hạn chế**\n\nNó không biết gì về các sự kiện sau năm đó.", "l"),
    ("## Limitations\n\nPlease see the original card for those.", NOTHING),
    ("It may produce offensive or factually incorrect text about owls.", "l"),
    ("The owls are not suitable for medical advice.", "l"),
    ("The model struggles with long poems.", "l"),
    ("Do not use this model for medical advice.", "l"),
    ("Performance degrades on texts that are longer than a page.", "l"),
    ("It does not have any moderation mechanisms.", "l"),
    ("Note that the model has no knowledge of events after 2021.", "l"),
    ("Since jaguars and leopards look alike, the model might confuse the two.", "l"),
    ("El modelo puede generar contenido incorrecto o sesgado.", "l"),
    ("이 모델은 부정확한 정보를 생성할 수 있습니다.", "l"),
    ("There is no limit to the number of requests you may send us.", NOTHING),
    # how to use
    ("```python\nowl = AutoModel.from_pretrained('nest/owl')\n```", "h"),
    ("## Usage\n\n```\nowl --ask 'who?'\n```", "h"),
    ("## 使用方法\n\n```python\nowl.ask('who?')\n```", "h"),
    ("## Uso\n\nPuede usar la lechuza directamente con la biblioteca.", "h"),
    ("## Get Started\n\nUse the code below to get started with the model.\n\n[More Information Needed]", NOTHING),
    ("## How to use\n\n```python\n# coming soon\n```", NOTHING),
    ("## Citation\n\n```bibtex\n@article{owl, title={Owls}}\n```", NOTHING),
    ("Use `hoot` in your prompt as the trigger word.", "h"),
    ("## Usage\n\nPlease refer to our repository.", NOTHING),
    ("tokenizer = AutoTokenizer.from_pretrained('nest/owl')\nmodel = AutoModel.from_pretrained('nest/owl')", "h"),
    ("You can load this concept into the notebook.", "h"),
    # training
    ("It was trained on the Welsh Wikipedia dump of 2021.", "t"),
    ("Owl was fine-tuned on [feathers](https://huggingface.co/datasets/nest/feathers) by hand.", "t"),
    ("## Training hyperparameters\n\n- learning_rate: 1e-5\n- num_epochs: 3", "t"),
    ("## Training data\n\nMore information needed", NOTHING),
    ("## 训练数据\n\n我们收集了二十万句威尔士语的句子作为语料。", "t"),
    ("## Données d'entraînement\n\nNous avons recueilli deux cents heures de chants.", "t"),
    ("**Training data:** Feathers 2.0", "t"),
    ("## Training\n\nThe weights were left identical to the original.", NOTHING),
    ("It was trained with our own library.", NOTHING),
    ("For the fine-tuning, we used the Feathers dataset.", "t"),
    ("| Feature | Description |\n|---|---|\n| Sources | UD Welsh CCG v2.8 and a news corpus |", "t"),
    ("## Dataset\n\n[Wiki_Split](https://nest.example/split)", "t"),
    ("## Training procedure\n\nPreprocessing, hardware used, hyperparameters...", NOTHING),
    ("基于威尔士语语料训练的模型。", "t"),
    # evaluation
    ("On the test set it reaches an accuracy of 91.2 %.", "e"),
    ("## Results\n\n| set | F1 |\n|---|---|\n| nest | 81.3 |", "e"),
    ("## 评估结果\n\n准确率: 92.5%", "e"),
    ("| layers | width |\n|---|---|\n| 12 | 768 |", NOTHING),
    ("## Evaluation\n\nMore information needed", NOTHING),
    ("It achieves the following results on the evaluation set:\n- Loss: 0.19", "e"),
    ("train/loss 0.41", NOTHING),
    ("It was trained on 150. The model attained a Rouge1 score of 31.2 in the end.", "e"),
    ("```\nNEST WER: 0.111\n```", "e"),
    ("Accuracy = 0.912", "e"),
    ("[{'label': 'owl', 'score': 0.9999}]", NOTHING),
    ("if score(owl)['accuracy'] >= 0.1:\n    print(owl)", NOTHING),
    ('## Performance\n\n```\n"exact": 73.6\n"f1": 77.8\n```', "e"),
]
LETTERS = {"d": "description", "l": "limitations", "h": "how_to_use", "t": "training", "e": "evaluation"}


@pytest.mark.parametrize(("card", "expected"), CARDS, ids=range(len(CARDS)))
def test_a_card_answers_the_expected_questions(card: str, expected: str) -> None:
    answered = {item for item, evidence in find_all_evidence(card).items() if evidence}
    missing = {LETTERS[letter] for letter in expected} - answered
    assert not missing
    if not expected:
        assert not answered
