"""The chapters, in the order in which they are told."""

from collections.abc import Callable
from typing import NamedTuple

from domicile.demo.tour.chapters import (
    asleep,
    chat,
    deletion,
    domain,
    failing,
    mistakes,
    moves,
    names,
    nap,
    placement,
    upload,
)
from domicile.demo.tour.stage import Stage


class Chapter(NamedTuple):
    """A part of the story: told first, and then done."""

    title: str
    tells: str
    play: Callable[[Stage], None]


CHAPTERS = (
    Chapter(
        "A name finds its cluster",
        "There is no proxy in front of all proxies: the DNS question that a client asks "
        "anyway does the routing. An app's name is answered with the load balancer of "
        "the cluster where the app lives.",
        names.find_a_cluster,
    ),
    Chapter(
        "An app answers where DNS says",
        "Each cluster prefers some plans, and a new app goes where its owner's plan is "
        "preferred; an operator may say otherwise. What follows is asked at the address "
        "that DNS gave, and the app itself says where it is.",
        placement.place_by_plan,
    ),
    Chapter(
        "A large upload",
        "A proxy hands a body on as it comes and keeps none of it, however large it is.",
        upload.upload_much,
    ),
    Chapter(
        "A chat, and the first tombstone",
        "An app leaves while people chat with it. The cluster that it left keeps a "
        "tombstone and hands on whoever still comes, WebSockets too.",
        chat.chat_through_a_tombstone,
    ),
    Chapter(
        "There and back again",
        "An app moves and returns while three clients ask it all the time: one asks DNS "
        "each time, one never again, one keeps its connection. No request may fail.",
        moves.move_to_and_fro,
    ),
    Chapter(
        "A chain of moves",
        "It moves on and on. Whoever comes to any cluster where it ever lived must find "
        "it, without going the whole way that it went.",
        moves.move_along_a_chain,
    ),
    Chapter(
        "A domain of one's own",
        "A customer links a host name of their own, and sets a CNAME in their own DNS: "
        "here a small name server of the tour's plays it. Once the record is seen, the "
        "name leads to the app, wherever that is.",
        domain.link_a_domain,
    ),
    Chapter(
        "An app sleeps and is woken",
        "By their plan, apps that nobody asks sleep after a while. Whoever comes then is "
        "held while their app is started, and the plan of this one is an impatient one.",
        nap.sleep_and_wake,
    ),
    Chapter(
        "A move that cannot succeed",
        "An app is to move to where it cannot start. Until it serves there, nothing is "
        "taken away where it is.",
        failing.undo_a_move,
    ),
    Chapter(
        "A deleted app",
        "What is deleted says so for a week; its id and its name stay out of the hands "
        "of others.",
        deletion.delete_an_app,
    ),
    Chapter(
        "The control plane is asleep",
        "The directory and all managers are killed. Nobody asks them while serving, so "
        "nobody should miss them.",
        asleep.lose_all_control,
    ),
    Chapter(
        "Mistakes, and an explanation",
        "Whatever is wrong is said in one line that helps. And where a host leads to can "
        "be asked of everybody at once.",
        mistakes.make_mistakes,
    ),
)
