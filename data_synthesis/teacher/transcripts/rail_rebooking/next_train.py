from datetime import date as calendar_date

# 车次、出发站、到达站、开车时间、开行的日子
TIMETABLE = [
    ("G7352", "临江东", "云州", "08:05", "每日"),
    ("G7358", "临江东", "云州", "14:20", "每日"),
    ("G7386", "临江东", "云州", "18:12", "工作日"),
    ("G7392", "临江东", "云州", "18:47", "每日"),
    ("G7401", "云州", "临江东", "18:30", "每日"),
]


def next_train(origin, destination, date, after):
    """某个时间以后的第一趟高铁。"""
    hour, _, minute = after.partition(":")
    if not (hour.isdigit() and minute.isdigit() and int(hour) < 24 and int(minute) < 60):
        raise ValueError(f"时间应为HH:MM，不是{after}")
    workday = calendar_date.fromisoformat(date).weekday() < 5
    route = [row for row in TIMETABLE if row[1:3] == (origin, destination)]
    if not route:
        raise ValueError(f"没有从{origin}到{destination}的高铁")
    running = [(time, train) for train, _, _, time, days in route if days == "每日" or workday]
    later = [pair for pair in running if pair[0] >= after]
    return {"车次": min(later)[1], "开车": min(later)[0]} if later else {"车次": None}
