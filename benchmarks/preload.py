"""What the server of `memory` has loaded before it forks: imported there, once."""

from app.core.warm import warm_up

warm_up()
