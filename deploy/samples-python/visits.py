from flask import request

from counting import count


def main():
    name = request.args.get("name", "world")
    return f"Hello, {name}, for the {count(name)}. time!\n", 200, {"Content-Type": "text/plain; charset=utf-8"}
