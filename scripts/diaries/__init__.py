"""Years of life as photos tell of them, with what really was: simulated diaries for judging the timeline.

`lives` describes people, `living` makes their days, `taking` the photos they take and what the files say of them, and
`judging` compares what is found with what was. Nothing here knows how events, trips or homes are found.
"""
