"""A published study of L2 on an LSTM: its data, its settings and its results.

Jason Brownlee, "How to Use Weight Regularization with LSTM Networks for Time Series Forecasting":
machinelearningmastery.com/use-weight-regularization-lstm-networks-time-series-forecasting
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# Monthly sales of shampoo over three years (Makridakis, Wheelwright and Hyndman 1998).
SALES = (
    266.0, 145.9, 183.1, 119.3, 180.3, 168.5, 231.8, 224.5, 192.8, 122.9, 336.5, 185.9,
    194.3, 149.5, 210.1, 273.3, 191.4, 287.0, 226.0, 303.6, 289.9, 421.6, 264.5, 342.3,
    339.7, 440.4, 315.9, 439.3, 401.3, 437.4, 575.5, 407.6, 682.0, 475.3, 581.3, 646.9,
)  # fmt: skip
TEST = 12  # months
WINDOWS = 20  # m: of the 22 before the test part the first two are left out
UNITS, BATCH, EPOCHS, RATE, SEEDS = 3, 4, 1000, 0.001, 30
L2 = 0.01  # Keras's, on one group of weights at a time
PERSISTENCE = 136.761  # the test RMSE of repeating the last month


@dataclass(frozen=True)
class Published:
    """Test RMSE without the penalty and with it, each a mean and standard deviation over 30 networks; and
    the mean change and its standard error when the study was run again with the same 30 seeds for both.
    """

    without: tuple[float, float]
    penalised: tuple[float, float]
    again: tuple[float, float]

    @property
    def change(self) -> tuple[float, float]:
        """Of the published means, with its standard error; those networks are not in pairs."""
        variances = (deviation**2 / SEEDS for _, deviation in (self.without, self.penalised))
        return self.penalised[0] - self.without[0], math.sqrt(sum(variances))


PUBLISHED = {
    "input": Published((91.640, 6.086), (82.137, 3.379), (-14.3, 2.4)),
    "recurrent": Published((92.919, 7.173), (101.302, 5.229), (-0.2, 1.7)),
    "bias": Published((92.821, 4.894), (93.285, 3.906), (0.8, 1.8)),
}
