visits = {}


def count(name):
    visits[name] = visits.get(name, 0) + 1
    return visits[name]
