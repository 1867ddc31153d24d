def predict_race_time(distance_km, time, target_km, fatigue=1.06):
    hours, minutes, seconds = (int(part) for part in time.split(":"))
    ran = hours * 3600 + minutes * 60 + seconds
    expected = round(ran * (distance_km / target_km) ** fatigue)
    return {"expected_time": f"{expected // 3600}:{expected // 60 % 60:02}:{expected % 60:02}"}
