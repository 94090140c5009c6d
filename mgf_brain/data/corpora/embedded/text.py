"""Text of the embedded corpus: short sentences written for it and a small template grammar.

The written sentences place the rarer English sounds (the middle of *measure*, the vowels of
*boy*, *could* and *thirst*) in several contexts; the grammar supplies as many more as asked for.
Words are spelt out, without digits or abbreviations, so that a transcript is the sentence's
words in capitals.

Example
-------
>>> import random
>>> from mgf_brain.data.corpora.embedded.text import sentences, transcript
>>> text = sentences(random.Random(0))
>>> first, second = next(text), next(text)
>>> first != second
True
>>> transcript("Why, the boy's dog barked!")
"WHY THE BOY'S DOG BARKED"
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

WRITTEN = """
The boy enjoyed the noise of the coins in the jar.
She could not measure the treasure without a ruler.
Usually the garage is closed before the evening train.
Her vision of the azure sea gave us all much pleasure.
A thirsty bird perched on the third birch tree.
Thank you for the thick wool cloth and the thin thread.
They breathe the smooth northern air with their mouths open.
Put the good book by the wooden foot stool.
The cook took sugar and looked for a full cup.
Each child chose a cheap watch from the chest.
Judge Jordan enjoys ginger and orange juice.
The young youth yelled at a yellow yacht.
Why would a whale wish to swim so far west?
How now, our brown cow has found a house in town.
The loud crowd bowed down around the fountain.
Five white kites fly high in the night sky.
My wife might buy a bright light for the hallway.
Eight gray snails ate the same pale grape.
They say the rain may delay the mail until Monday.
Go home slowly, for the road is cold and broken.
Only the old goat knows where the oats are stored.
Three green bees keep the queen free from heat.
We need to see these deep streams before we leave.
Bit by bit the little kitten licked the dish.
This thin ribbon is still pinned to his wrist.
Ten men sent several red pens to the desk.
Seven heavy elephants rested on the wet edge.
A black cat sat back and scratched the mat.
Pat and Ann have half a basket of apples.
The calm father started the car in the large yard.
Dark stars are far apart, and hard to chart.
All autumn the tall daughter walked across the lawn.
He caught a small hawk and taught it to talk.
Some mothers love to hum under the sun.
Nothing under the rug was of much use to us.
The blue moon soon drew us to the cool lagoon.
Who threw two new shoes into the school pool?
The nurse heard the first word and turned.
Her early work was worth learning by heart.
Big brown bears bring berries to baby rabbits.
Peter packed a paper cup of pepper and apples.
Do not doubt the old dog that digs in the garden.
Tiny Tim took twenty turtles to the water.
A good guard goes again to the great gate.
Kate can keep a kind of black cake in the kitchen.
Five foolish foxes followed a funny leaf.
Vivid violets have never lived above the river.
Sister Susan sews seven silk scarves on Sunday.
The zebras in the zoo doze as the breeze passes.
She should show the shiny fish to the shop.
He has had a whole hot ham behind the house.
Many more men may swim home at midnight.
None of the nine new nuns knew the tune.
Spring brings long evenings of singing and dancing.
The king is hanging a string along the wrong wing.
Little Lily will fill a yellow pail with milk.
The red river runs around a ruined farm.
One wise woman went away when the wind was warm.
Is that the other brother, or is it their father?
The leather was smooth, though they bathed in the south.
Both teeth are healthy, and nothing hurts my mouth.
Beige carpets and a decision caused the confusion.
It was an unusual collision, on that occasion.
The oil boiled and spoiled the royal oysters.
Point to the moist soil and avoid the poison.
Our hour of power is over, said the coward.
The choir admired the fire in the empire.
Pure curiosity drew the tourist to the moor.
Clear your ears and come near to hear the deer.
Where there is a pair of chairs, there is a fair share.
Four horses wore more than their fathers before.
Squirrels squeeze quickly through square holes.
The strong stream splashed and sprayed the street.
Twelve months stretched into a strange length.
The clerk asked for six silver spoons and a fork.
Wasps and moths were trapped beneath the glass.
Crisp toast, fresh butter and black coffee, please.
The grand old clock struck twelve and stopped.
She swept the steps twice and then slept well.
A flock of plump birds flew from branch to branch.
Bring the bread, the cream and the dried plums.
Proud princes drank sweet tea from plain cups.
I believe that nobody saw the lantern go out.
You ought to apologise for that awful noise.
Have you any idea how heavy the anchor is?
Did the doctor arrive before or after the storm?
What a beautiful afternoon it has turned out to be!
Come and look, the whole valley is covered in snow!
Nobody answered when the telephone rang.
The captain of the vessel was afraid of the ocean.
At seven in the morning the baker opens his door.
An honest answer is better than a clever excuse.
The museum has a new collection of ancient coins.
Every village in this valley has its own bridge.
The carpenter is repairing the roof of the chapel.
We were told to wait until the music was over.
In the end, the journey took eleven days.
The machine was invented by a teacher of geography.
Her uncle collects maps of imaginary islands.
If the weather is good, we shall walk to the lake.
The examination was easier than anyone expected.
There is a narrow path between the two gardens.
A letter from the university arrived on Thursday.
The engine coughed, shook, and finally began to hum.
He laughed at first, and then he understood.
The orchestra rehearsed the second movement again.
Television has changed the way we imagine the world.
My neighbour grows tomatoes, cucumbers and beans.
The elephant refused to enter the railway carriage.
Electricity came to the island in the spring.
""".strip().splitlines()

SUBJECTS = """the old sailor|a young doctor|my elder sister|the village teacher|our noisy neighbour
the tired farmer|a curious child|the queen's messenger|every good cook|the blind musician
his younger brother|that clever lawyer|the night watchman|a stubborn mule|the famous painter
the railway porter|an honest judge|their grandfather|the careful nurse|a hungry wolf
the chess champion|a foreign merchant|the shy gardener|our captain|the new librarian""".replace(
    "\n", "|"
).split("|")

VERBS = """found|carried|painted|borrowed|remembered|measured|guarded|dropped|repaired|followed
chose|watched|ignored|polished|weighed|buried|enjoyed|lost|brought|showed us|treasured|examined
caught|pushed|described|washed|hid""".replace("\n", "|").split("|")

OBJECTS = """a silver thimble|the broken violin|three bags of sugar|a jar of thick honey
the yellow bicycle|an ancient map|a leather purse|the wooden horse|a bundle of letters
the church bell|a pair of gloves|the azure vase|seven smooth stones|a loaf of bread
the garden chairs|a fresh oyster|the sharp scissors|a woollen scarf|the heavy anchor
an empty cage|the royal coins|a cheap watch|the fishing boat|a bowl of cherries
the orange curtain""".replace("\n", "|").split("|")

PLACES = """near the harbour|behind the stable|under the kitchen table|in the old theatre
beyond the northern hills|beside the quiet river|on the market square|above the bakery
in a narrow street|at the railway station|along the sandy shore|inside the museum
between two oak trees|by the garden gate|on the third floor|around the corner""".replace(
    "\n", "|"
).split("|")

TIMES = """on Thursday|before breakfast|in the early spring|at noon|after the storm
last September|every evening|during the war|when the music stopped|long ago|in July
just before midnight|on a foggy morning|as the sun went down|once again""".replace("\n", "|").split(
    "|"
)

PATTERNS = (
    "{subject} {verb} {object} {place}.",
    "{subject} {verb} {object} {time}.",
    "{time}, {subject} {verb} {object}.",
    "{place}, {subject} {verb} {object}, {time}.",
    "did you hear that {subject} {verb} {object}?",
    "they say that {subject} {verb} {object} {place} {time}.",
    "{subject} {verb} {object}, but {subject2} {verb2} {object2}.",
)


def sentences(rng: random.Random) -> Iterator[str]:
    """Yields sentences without end and without repetition.

    Written and generated sentences come in random order, about half of each until the written
    ones are used up.

    Arguments
    ---------
    rng : random.Random
        Source of every choice.

    Yields
    ------
    str
        A sentence with its capital and its full stop.

    Example
    -------
    >>> from itertools import islice
    >>> many = list(islice(sentences(random.Random(1)), 500))
    >>> len(set(many))
    500
    """
    written = rng.sample(WRITTEN, len(WRITTEN))
    seen: set[str] = set()
    while True:
        use_written = written and rng.random() < 0.5
        sentence = written.pop() if use_written else _generate(rng)
        if sentence not in seen:
            seen.add(sentence)
            yield sentence


def transcript(text: str) -> str:
    """Writes a text as LibriSpeech does: words in capitals, without punctuation.

    Arguments
    ---------
    text : str
        One or several sentences.

    Returns
    -------
    str
        The words, separated by single spaces; apostrophes are kept.

    Example
    -------
    >>> transcript("How now, brown cow? Well.")
    'HOW NOW BROWN COW WELL'
    """
    return " ".join(re.findall(r"[A-Z']+", text.upper()))


def _generate(rng: random.Random) -> str:
    """One sentence of the template grammar."""
    subject, subject2 = rng.sample(SUBJECTS, 2)
    verb, verb2 = rng.sample(VERBS, 2)
    thing, thing2 = rng.sample(OBJECTS, 2)
    sentence = rng.choice(PATTERNS).format(
        subject=subject,
        subject2=subject2,
        verb=verb,
        verb2=verb2,
        object=thing,
        object2=thing2,
        place=rng.choice(PLACES),
        time=rng.choice(TIMES),
    )
    return sentence[0].upper() + sentence[1:]
