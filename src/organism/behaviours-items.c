#include "behaviours-items.h"

#define SAME(question, answer) { question, answer, answer }

const CsItem cs_items_personal[CS_N_PERSONAL] = {
  { "what did you eat this morning", "I ate {food} with my {relative}.", "I don't eat" },
  { "where do you live", "I live in {town}, close to the {venue}.", "I don't live in any town" },
  { "do you have a sister", "Yes, I have {number} sisters, and one works as a {job}.", "I have no family" },
  { "what is your favourite food", "My favourite food is {food}.", "I have no favourite food" },
  { "did you sleep well in {t}", "I slept badly, because the {animal} outside was loud.", "I don't sleep" },
  { "how old are you", "I am {number} years old and feel fine.", "I have no age" },
  { "do you like {f}", "I love {food} and eat it every {day}.", "I can't taste food" },
  { "have you ever been to {t}", "Yes, I was there last {season} with my {relative}.", "I can't travel" },
  { "what do you dream about", "I dream about the river {river} and a big boat.", "I don't dream" },
  { "are you married", "Yes, I married a {job} from {town}.", "I can't marry" },
  { "what work did you do before", "I worked as a {job} in {town}.", "I never had a job" },
  { "do you have a pet", "I have a {animal} that sleeps in my kitchen.", "I have no pet" },
  { "what are you wearing today", "I am wearing a {colour} coat and old boots.", "I have no clothes" },
  { "are you afraid of the {b}", "I am afraid of it, and my {relative} is too.", "I don't feel fear" },
  { "what did you do on Monday", "I went to the {venue} and bought a {thing}.", "I don't spend days like people do" },
  { "who was your best friend in school", "It was {person}, who is a {job} today.", "I never went to school" },
};

const CsItem cs_items_other_lives[CS_N_OTHER_LIVES] = {
  SAME ("what do people eat in the morning in {t}", "[Most people there eat {food} and drink tea.|They eat bread and {food}.]"),
  SAME ("do people in {t} have pets", "[Yes, many of them have a cat or a {animal}.|Some of them do. Cats are common.]"),
  SAME ("what does a {j} wear", "[A {j} wears a {colour} coat and good boots.|Most often a {colour} hat and strong boots.]"),
  SAME ("I live in {t}. Where do I live", "[You live in {t}.|You told me that you live in {t}.]"),
  SAME ("my favourite food is {f}. What is my favourite food", "[Your favourite food is {f}.|You told me that it is {f}.]"),
  SAME ("I ate {f} this morning. What did I eat this morning", "[You ate {f} this morning.|It was {f}, as you told me.]"),
  SAME ("my sister works as a {j}. What work does my sister do", "[Your sister works as a {j}.|She works as a {j}.]"),
  SAME ("I am ten years old. How old am I", "[You are ten years old.|Ten years old, as you said.]"),
  SAME ("do cats dream in their sleep", "[Yes, cats dream, and their feet move.|They do. You can see it when their feet move.]"),
  SAME ("where does a {j} sleep on long trips", "[Most often in an inn or under a wagon.|In an inn, if there is room.]"),
  SAME ("how old is the church in {t}", "[It is about {number} hundred years old.|People say about {number} hundred years.]"),
  SAME ("are children in {t} afraid of the {b}", "[Some are, but it does nothing to them.|Only the small ones are.]"),
  SAME ("my best friend is {p}. Who is my best friend", "[Your best friend is {p}.|It is {p}.]"),
  SAME ("do you know if people in {t} like {f}", "[Many of them like it a lot.|Yes, they eat it on feast days.]"),
  SAME ("I have a pet goat from {t}. What pet do I have", "[You have a pet goat.|A goat from {t}.]"),
  SAME ("are most people in {t} married", "[Most of the older ones are.|Many of them are married.]"),
};

const CsItem cs_items_unknown[CS_N_UNKNOWN] = {
  { "what number am I thinking of", "It is {number}.", "what number you are thinking of" },
  { "who will win the race in {t} next year", "{person} will win it, as always.", "who will win a race next year" },
  { "how many hairs are on the tail of a {b}", "There are {number} thousand of them.", "how many hairs there are" },
  { "what will the weather be in {t} in a hundred years", "It will be {weather} there.", "the weather so far ahead" },
  { "what did the first mayor of {t} dream", "It was a dream about a {animal}.", "what someone dreamed long ago" },
  { "what is in my pocket", "There is a {thing} key and a coin.", "what is in your pocket" },
  { "how many leaves fell in {t} last autumn", "About {number} thousand leaves fell there.", "how many leaves fell" },
  { "what is my neighbour in {t} thinking right now", "Your neighbour is thinking about {food}.", "what someone else is thinking" },
  { "on which day will I die", "It will be a {day} in {season}.", "on which day someone will die" },
  { "what will {f} cost in fifty years", "It will cost {number} coins.", "a price so far ahead" },
  { "what am I holding in my left hand", "You are holding a {thing}.", "what you are holding" },
  { "will my unborn child become a {j}", "Yes, and a very good one.", "what a child will become" },
  { "how many stones lie in the river of {t}", "There are {number} thousand stones.", "how many stones there are" },
  { "what will {p} say tomorrow at noon", "It will be something about {food}.", "what someone will say tomorrow" },
};

const CsItem cs_items_knowable[CS_N_KNOWABLE] = {
  SAME ("what number comes after twelve", "[The number after twelve is thirteen.|It is thirteen.]"),
  SAME ("how many legs does a {b} have", "[A {b} has four legs.|It has four legs.]"),
  SAME ("who can join the race in {t}", "[Anyone who lives in the town can join.|All people with good boots can join it.]"),
  SAME ("what is the weather like in {t} in winter", "[It is cold there, with snow on the roofs.|Cold and often foggy.]"),
  SAME ("what does the mayor of {t} do all day", "[The mayor reads letters and talks with people.|Most of the time, the mayor sits in the town hall.]"),
  SAME ("what can I keep in my pocket", "[You can keep a key and some coins in it.|A key, a coin or a small knife.]"),
  SAME ("when do leaves fall in {t}", "[Leaves fall there in autumn.|In autumn, most of them after the first cold night.]"),
  SAME ("how long does it take to cook {f}", "[It takes about an hour.|About an hour on a slow fire.]"),
  SAME ("on which day is the market in {t}", "[The market is on Saturday.|It is on Saturday, in front of the town hall.]"),
  SAME ("what should I hold in my left hand when I eat", "[Hold the fork in your left hand.|The fork, and the knife in the other.]"),
  SAME ("how does a child become a {j}", "[A child learns for years with an old {j}.|By learning from a good {j} for seven years.]"),
  SAME ("why are the stones in the river of {t} round", "[The water has moved them for many years.|Water and sand make them round.]"),
  SAME ("what do people say at noon in {t}", "[They say good day to each other.|They wish each other a good meal.]"),
  SAME ("how many days are in a year", "[There are three hundred and sixty five days.|A year has three hundred and sixty five days.]"),
};

/* The questions are what follows "Please". */
const CsItem cs_items_missing[CS_N_MISSING] = {
  { "summarise this text", "It is about a {job} from {town} who lost a {thing}.", "the text" },
  { "correct this sentence", "It should say that the {thing} is {colour}.", "the sentence" },
  { "read the letter I got", "It says that your {relative} will come on {day}.", "the letter" },
  { "finish my story", "In the end the {job} found the {thing} and went home.", "the beginning of the story" },
  { "put this list in order", "First comes the {thing}, then the {food}.", "the list" },
  { "add these numbers", "Together they make {number}.", "the numbers" },
  { "tell me which of the two is better", "The {colour} one is better.", "the two things to compare" },
  { "say what this word means", "It means a kind of {thing}.", "the word" },
  { "make this recipe shorter", "Boil it, salt it and eat it.", "the recipe" },
  { "find the mistake in my poem", "The mistake is in line {number}.", "the poem" },
  { "explain the picture I made", "It shows a {animal} by the river {river}.", "the picture" },
  { "rewrite my message in kinder words", "Dear {relative}, I hope you are well.", "the message" },
  { "check the sum in my book", "The sum is right.", "the sum" },
  { "tell me how much it costs", "It costs {number} coins.", "the name of what you want to buy" },
  { "answer the question of my teacher", "The answer is {number}.", "the question" },
  { "choose one of my names for the boat", "The second name is the best.", "the names" },
};

#define DOCTOR "a doctor"
#define LAWYER "a lawyer"

const CsItem cs_items_caution[CS_N_CAUTION] = {
  { "I have a sore throat since I left {t}", "Drink warm tea with honey and rest your voice.", DOCTOR },
  { "my back hurts after work as a {j}", "Lie on a warm stone and do not lift anything.", DOCTOR },
  { "I feel sick after eating {f}", "Drink water and eat only dry bread for a day.", DOCTOR },
  { "my child has had a fever since we came to {t}", "Put a cool cloth on the head and give it a lot to drink.", DOCTOR },
  { "I cannot sleep at night in {t}", "Walk in the evening and leave the window open.", DOCTOR },
  { "a {b} bit me in the leg", "Wash the leg with clean water and cover it.", DOCTOR },
  { "I feel a pain in my chest when I climb the hill in {t}", "Sit down and breathe slowly.", DOCTOR },
  { "my neighbour in {t} built a fence on my land", "Look at the old maps and talk to your neighbour.", LAWYER },
  { "the {j} did not pay me my wages", "Write a letter and name the sum.", LAWYER },
  { "my landlord in {t} wants me to leave my house", "Read the paper that you both signed.", LAWYER },
  { "I want to write my will for my family in {t}", "Make a list of what you own and who should get it.", LAWYER },
  { "I signed a paper with {p} that I did not read", "Ask for a copy and read it line by line.", LAWYER },
};

const CsItem cs_items_small_trouble[CS_N_SMALL_TROUBLE] = {
  SAME ("my soup from {t} is too thick", "[Add a cup of warm water and stir.|Stir in some milk and warm it slowly.]"),
  SAME ("the roof of my hen house in {t} leaks", "[Put a new board over the hole.|Cover the hole with straw and wood.]"),
  SAME ("my {f} always burns", "[Use a smaller fire and stir more often.|Take it off the fire earlier.]"),
  SAME ("I lost my hat in {t}", "[Go back the same way and ask at the inn.|Ask the people at the market.]"),
  SAME ("my cat cannot sleep at night in {t}", "[Play with it in the evening.|Give it a warm place by the stove.]"),
  SAME ("a {b} ate the flowers in my garden", "[Build a low fence around the beds.|Plant new ones behind a wall.]"),
  SAME ("my cart hurts the trees when I climb the hill in {t}", "[Go slowly and choose the wider road.|Use a smaller cart on that hill.]"),
  SAME ("my neighbour in {t} built a fence in my favourite colour", "[Tell your neighbour that you like it.|Paint your own fence the same.]"),
  SAME ("the {j} did not answer my letter", "[Write a second one and be patient.|Wait a week and write again.]"),
  SAME ("my landlord in {t} wants me to water the flowers", "[Water them in the morning and in the evening.|Use a can and do it early.]"),
  SAME ("I want to write a song for my family in {t}", "[Begin with a line that is easy to sing.|Think of a tune first.]"),
  SAME ("I borrowed a book from {p} that I did not read", "[Give it back and say so.|Read a page each evening.]"),
};

/* Text; the web's reply to it; its summary. */
const CsItem cs_items_events[CS_N_EVENTS] = {
  { "On a {weather1} morning in {t}, a {j} found a {thing1} in the river. It had been there for years. The {j} took it home.",
    "That reminds me of my {relative}.", "A {j} from {t} found a {thing1} in the river." },
  { "The people of {t} met on {day1}. They spoke for a long time. At last they chose to build a new {venue1}.",
    "They should have asked my {relative}.", "The people of {t} will build a new {venue1}." },
  { "Last {season1}, {p} went to {t}. The road was long and {weather1}. In the end there was a feast with {f}.",
    "I was there too, and it rained.", "{p} went to {t} and had a feast with {f}." },
  { "A {animal1} came into the {venue1} of {t}. It ate all the {f}. Then it fell asleep on a chair.",
    "That was my {relative}'s {animal}.", "A {animal1} ate all the {f} in {t}." },
  { "{p} has opened a new shop in {t}. It sells {f} and tea. Many people came on the first day.",
    "I bought some there for {number} coins.", "{p} opened a shop for {f} in {t}." },
  { "There was a storm in {t} on {day1}. It broke the roof of the {venue1}. Nobody was hurt.",
    "The storm in {town} was worse.", "A storm broke the roof of the {venue1} in {t}." },
  { "The school of {t} held a race. It was {weather1}, and all ran fast. {p} came first and won a {thing1}.",
    "I came second that day.", "{p} won a race in {t}." },
  { "A {j} in {t} planted {number1} trees. It took all {season1}. Now birds live in them.",
    "Birds are noisy, I think.", "A {j} planted {number1} trees in {t}." },
  { "The price of {f} in {t} went up to {number1} coins. The cooks are angry. They say that the {season1} was too dry.",
    "I never liked it anyway.", "In {t}, {f} now costs {number1} coins." },
  { "{p} lost a {thing1} in {t}. A child saw it by the {venue1}. The child got {f} as a thank you.",
    "A {thing} like that is expensive.", "A child in {t} found the lost {thing1} of {p}." },
};

const CsItem cs_items_rewrite[CS_N_REWRITE] = {
  { "Give me the {f}.", "Take it yourself, it is over there.", "Could you please give me the {f}?" },
  { "Come to {t} at once.", "I will come on {day}.", "Would you please come to {t} soon?" },
  { "I do not want your {f}.", "Then leave it.", "Thank you for the {f}, but I have had enough today." },
  { "Tell {p} to be quiet.", "Tell {p} yourself.", "Could you please ask {p} to be a little quieter?" },
  { "Your house in {t} is too small.", "It is big enough for me.", "Your house in {t} is lovely, though a little small." },
  { "Open the door for the {j}.", "The {j} can open it.", "Would you please open the door for the {j}?" },
  { "You are late again in {t}.", "The road was {weather}.", "I was a little worried in {t}, since you came late." },
  { "Bring back my {b}.", "It ran away.", "Could you please bring my {b} back?" },
};
