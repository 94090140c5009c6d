"""Who speaks: a closed set, and one enrolment a speaker."""
